"""The test model server (model_server.c), for one run. Used by all scripts that run programs against it."""
import functools
import itertools
import os
import signal
import socket
import subprocess
import time


@functools.cache
def own_ports(_process):
    """A hundred that no other process that tests has, and what keeps them: they belong to whoever has bound their name, an
    abstract socket's (unix(7)). Not from the range that connections get theirs from (ip(7), ip_local_port_range)."""
    for first in range(10000, 30000, 100):
        owner = socket.socket(socket.AF_UNIX)
        try:
            owner.bind(f"\0xcs-ports-{first}")
            return itertools.cycle(range(first, first + 100)), owner
        except OSError:
            owner.close()
    raise RuntimeError("no ports are left")


def free_ports(count):
    """To listen on, now and again later."""
    own, _ = own_ports(os.getpid())
    ports = []
    while len(ports) < count:
        port = next(own)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                ports.append(port)
            except OSError:  # somebody else's
                pass
    return ports


class Server:
    """Started, and listening on `port` (0: a free one, which is in the attribute then)."""

    def __init__(self, program, directory, *flags, port=0):
        self.log = os.path.join(directory, "server.log")
        port_file = os.path.join(directory, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen([program, "--port", str(port), "--port-file", port_file, "--log", self.log, *flags],
                                        stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the model server did not start")
            time.sleep(0.005)
        with open(port_file, encoding="utf-8") as f:
            self.port = int(f.read())

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
