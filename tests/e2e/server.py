"""The test model server (model_server.c), for one run. Used by all scripts that run programs against it."""
import itertools
import os
import signal
import socket
import subprocess
import time

_ports = itertools.count()


def free_ports(count):
    """Ports to listen on, now and again later: not from the range that connections get theirs from (ip(7),
    ip_local_port_range), and each process that tests has a hundred of its own."""
    ports = []
    while len(ports) < count:
        port = 10000 + os.getpid() % 200 * 100 + next(_ports) % 100
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                ports.append(port)
            except OSError:  # somebody's already
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
