"""`openssl s_server -quiet` as a peer, bridged to the model server through its stdin and stdout. Used by run.py.

It serves one connection at a time: the others wait in its backlog, and none of them is ever told. It prints in the clear whatever it is
sent, so what it has printed is all that any client has entrusted to it.
"""
import os
import re
import socket
import subprocess
import threading
import time

import processes
from server import free_ports

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
LISTENING = "0A"


def whole(data):
    """How long the first message in it is, 0 while that is not whole. All messages here say their length."""
    end = data.find(b"\r\n\r\n") + 4
    length = LENGTH.search(data, 0, end)
    size = end + int(length[1]) if length else 0
    return size if len(data) >= size else 0


class SServer:
    """
    Shows the certificate `first`; with `later` another server takes its place on the port, `seconds` after the first request, which
    shows that one. reset() begins anew.
    """

    def __init__(self, authority, directory, model_port):
        self.authority, self.model_port = authority, model_port
        self.messages = os.path.join(directory, "s_server.messages")
        self.port, = free_ports(1)
        self.process = None

    def reset(self, first="good", later=None, seconds=0.7):
        self.end()
        self.later, self.seconds = later, seconds
        self.start(first)

    def start(self, certificate):
        self.received = 0  # bytes, by this server
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{self.port}", "-msg", "-msgfile", self.messages,
             "-cert", self.authority.path(certificate + ".pem"), "-key", self.authority.path(certificate + ".key")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        processes.servers.add(self.process.pid)
        deadline = time.monotonic() + 10
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("openssl s_server did not start")
            time.sleep(0.005)
        self.listener = self.sockets()
        threading.Thread(target=self.serve, args=(self.process,), daemon=True).start()

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            processes.servers.discard(self.process.pid)
        self.process = None

    def swap(self):
        self.end()
        self.start(self.later)

    def listens(self):
        with open("/proc/net/tcp", encoding="ascii") as f:
            return any(line.split()[1].endswith(f":{self.port:04X}") and line.split()[3] == LISTENING for line in f)

    def sockets(self):
        """Which sockets the server has open: it prints nothing that says where one connection ends and the next begins."""
        found, places = set(), f"/proc/{self.process.pid}/fd"
        for fd in os.listdir(places):
            try:
                found.add(os.readlink(os.path.join(places, fd)))
            except OSError:
                pass  # closed meanwhile
        return {name for name in found if name.startswith("socket:")}

    def connection(self):
        return self.sockets() - self.listener

    def hellos(self):
        """How many handshakes clients have begun with this server."""
        with open(self.messages, encoding="ascii") as f:
            return f.read().count(", ClientHello")

    def serve(self, process):
        begun, of = b"", None
        try:
            while data := os.read(process.stdout.fileno(), 65536):
                if not self.received and self.later and self.seconds:
                    threading.Timer(self.seconds, self.swap).start()
                    self.seconds = None
                self.received += len(data)
                now = self.connection()
                begun = (begun if now == of else b"") + data
                of = now
                while size := whole(begun):
                    answer = self.ask(begun[:size])
                    begun = begun[size:]
                    if self.connection() == of:  # else it would go to the next client
                        os.write(process.stdin.fileno(), answer)
        except (OSError, AttributeError):
            pass  # this server, or the model server, has been ended

    def ask(self, request):
        answer = b""
        with socket.create_connection(("127.0.0.1", self.model_port)) as far:
            far.sendall(request)
            while not whole(answer) and (data := far.recv(65536)):
                answer += data
        return answer
