"""The server's name stands for two addresses, as localhost mostly does: nothing listens on the first."""
import socket
from model import ARGS, ask, say

real = socket.getaddrinfo


def both(host, port, family=0, type=0, *more, **named):
    found = real("127.0.0.1", port, family, type, *more, **named)
    return [(socket.AF_INET6, kind, proto, name, ("::1", where[1], 0, 0)) for _, kind, proto, name, where in found] + found


socket.getaddrinfo = both
for i in range(int(ARGS[0])):
    say(i, ask(f"question {i}"))
