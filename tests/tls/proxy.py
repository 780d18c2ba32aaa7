"""A proxy, for run.py: what is behind it is spoken to only after an exchange in the clear, "CONNECT HOST:PORT" or "GET /PORT"."""
import base64
import contextlib
import re
import select
import socket
import threading

from peers import relay
from server import free_ports

ASKS = re.compile(rb"(?:CONNECT [^ ]*:|GET /)(\d+) ")
PASSWORD = "proxy-secret-4711"
USERS = ("one", "two")
CREDENTIALS = {user: base64.b64encode(f"{user}:{PASSWORD}".encode()).decode() for user in USERS}
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SUCCESS = {
    "body": OPENED[:-2] + b"Content-Length: 5\r\n\r\n",
    "early": OPENED + b"\x16\x03\x03",
    "long": OPENED[:-2] + b"X: " + b"x" * 5000 + b"\r\n\r\n",
}
HANDSHAKE = b"\x16"  # a TLS record's type


def has_ended(client):
    """Has it closed its side, seen or not?"""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    return bool(poll.poll(0))


class Proxy:
    """What it was asked for is in `asked`, in order. Its ways, by name:

    password: wants one of CREDENTIALS. places: one tunnel at a time, and 429 for others. silent: the same, and no answer at all for
    others. queue: the same, and others wait. body: says success and announces a body. early: something else follows at once. long:
    success in a head of 5 KiB. spoilt: after the first tunnel success has a body.
    """

    def __init__(self):
        self.port, = free_ports(1)
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.lock = threading.Condition()
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self, way=None):
        self.way = way
        self.asked = []
        self.tunnels = 0    # made
        self.strangers = 0  # connections that begin otherwise: somebody took the proxy for the server
        self.clear = 0      # tunnels in which something else than TLS was said first
        self.open = set()   # the clients that have one

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def full(self):
        return any(not has_ended(c) for c in self.open)

    def refusal(self, client, head):
        """What is said instead of making a tunnel, None: one is made. A tunnel's place is taken here."""
        words = [f"Proxy-Authorization: Basic {c}\r\n".encode() for c in CREDENTIALS.values()]
        if self.way == "password" and not any(w in head for w in words):
            return b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=test\r\nContent-Length: 0\r\n\r\n"
        with self.lock:
            while self.way == "queue" and self.full():
                self.lock.wait(0.1)
            if self.way in ("places", "silent") and self.full():
                return b"HTTP/1.1 429 Later\r\nContent-Length: 0\r\n\r\n" if self.way == "places" else b""
            self.open.add(client)
        return None

    def serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head and (data := client.recv(4096)):
                head += data
                if head[:1] not in (b"C", b"G"):
                    self.strangers += 1
                    return
            asks = ASKS.match(head)
            if not asks:
                return
            self.asked.append(head)
            refusal = self.refusal(client, head)
            if refusal is not None:
                client.sendall(refusal)
                return
            try:
                self.lead_on(client, int(asks[1]))
            finally:
                with self.lock:
                    self.open.discard(client)

    def lead_on(self, client, port):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as far:  # one of them has gone
            self.tunnels += 1
            spoilt = self.way == "spoilt" and self.tunnels > 1
            client.sendall(SUCCESS["body"] + b"hello" if spoilt else SUCCESS.get(self.way, OPENED))
            first = client.recv(65536)
            if first[:1] not in (b"", HANDSHAKE):
                self.clear += 1
            if first:
                far.sendall(first)
                relay(client, far)
