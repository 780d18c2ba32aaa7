"""A proxy, for run.py: what is behind it is spoken to only after an exchange in the clear, "CONNECT HOST:PORT" or "GET /PORT"."""
import contextlib
import re
import socket
import threading

from peers import relay


ASKS = re.compile(rb"(?:CONNECT [^ ]*:|GET /)(\d+) ")


class Proxy:
    """Counts the connections that begin otherwise: somebody took the proxy for the server."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self):
        self.tunnels = self.strangers = 0

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

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
            with socket.create_connection(("127.0.0.1", int(asks[1]))) as far:
                self.tunnels += 1
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with contextlib.suppress(OSError):  # one of them has gone
                    relay(client, far)
