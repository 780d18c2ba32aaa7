"""What a program can ask of its connection, while it waits for a response and while it reads one."""
import http.client
import json
import os
import select
import socket
import stat
import urllib.parse

from model import HEADERS, URL, call_of, say

where = urllib.parse.urlsplit(URL)
connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
connection.connect()
s = connection.sock
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def look(when):
    options = [(socket.SOL_SOCKET, o) for o in (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL, socket.SO_ERROR,
                                                socket.SO_KEEPALIVE, socket.SO_ACCEPTCONN)]
    options.append((socket.IPPROTO_TCP, socket.TCP_NODELAY))
    say(when, s.getpeername() == (where.hostname, where.port), s.getsockname()[0], s.getsockname()[1] > 1024, s.family,
        s.type, s.fileno(), stat.S_ISSOCK(os.fstat(s.fileno()).st_mode), s.gettimeout(),
        [s.getsockopt(*o) for o in options])


for i in range(4):
    connection.request("POST", where.path + "/chat/completions", json.dumps(call_of(f"question {i}")), HEADERS)
    look("sent")
    say(select.select([s], [], [], 10)[0] == [s])
    look("readable")
    response = connection.getresponse()
    say(response.read(1))
    look("reading")
    say(response.read())
    look("read")
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, i % 2)
