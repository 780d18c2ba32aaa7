"""HTTP by hand: the shapes of requests that libraries seldom send."""
import json
import socket
import urllib.parse

from model import ARGS, URL, call_of, say, text_of

where = urllib.parse.urlsplit(URL)


def connect():
    s = socket.create_connection((where.hostname, where.port), timeout=10)
    return s, s.makefile("rb")


def request(prompt, *headers, version="HTTP/1.1", chunked=False):
    body = json.dumps(call_of(prompt)).encode()
    lines = [f"POST {where.path}/chat/completions {version}", f"Host: {where.netloc}", *headers]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 20]), body[i:i + 20]) for i in range(0, len(body), 20))
        body += b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n", body


def head(f):
    lines = []
    while (line := f.readline().strip()):
        lines.append(line.decode())
    return lines


def answer(f):
    lines = head(f)
    length = [int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")]
    body = f.read(length[0]) if length else f.read()
    say(lines[0], text_of(json.loads(body)))


def expect():
    s, f = connect()
    for i in range(4):
        top, body = request(f"expect {i}", "Expect: 100-continue")
        s.sendall(top)
        say(head(f))
        s.sendall(body)
        answer(f)


def pipeline():
    s, f = connect()
    for i in range(3):
        s.sendall(b"".join(request(f"first {i}") + request(f"second {i}")))
        answer(f)
        answer(f)


def split_pipeline():
    """The second request begins in the same segment as the first one ends."""
    s, f = connect()
    for i in range(3):
        both = b"".join(request(f"first {i}") + request(f"second {i}"))
        s.sendall(both[:len(both) - 40])
        answer(f)
        s.sendall(both[len(both) - 40:])
        answer(f)


def to_the_end():
    """Asks the server to close, and takes all that comes before it does."""
    for i in range(4):
        s, f = connect()
        s.sendall(b"".join(request(f"last {i}", "Connection: close")))
        say(f.read())
        s.close()


def old():
    for i in range(4):
        s, f = connect()
        s.sendall(b"".join(request(f"old {i}", version="HTTP/1.0")))
        answer(f)
        say(f.read())
        s.close()


def trickle():
    s, f = connect()
    for i in range(3):
        for byte in b"".join(request(f"slow {i}")):
            s.sendall(bytes([byte]))
        answer(f)


def chunked():
    s, f = connect()
    for i in range(4):
        s.sendall(b"".join(request(f"chunked {i}", chunked=True)))
        answer(f)


def half_closed():
    """Says that it has no more to send before it reads."""
    for i in range(3):
        s, f = connect()
        s.sendall(b"".join(request(f"half {i}")))
        s.shutdown(socket.SHUT_WR)
        answer(f)
        s.close()


def abandoned():
    """Gives up a request that it has begun, and one whose answer it does not want."""
    s, f = connect()
    s.sendall(request("begun")[0])
    s.close()
    s, f = connect()
    s.sendall(b"".join(request("unread")))
    s.close()
    s, f = connect()
    s.sendall(b"".join(request("wanted")))
    answer(f)


def one_by_one():
    """Reads its answer byte by byte, with a look before taking."""
    s, f = connect()
    for i in range(3):
        s.sendall(b"".join(request(f"peek {i}")))
        s.recv(4, socket.MSG_PEEK)
        data = b""
        while not data.endswith(b"}]") and b"usage" not in data:
            data += s.recv(1)
        say(len(data), data[:15])
        rest = int(data.lower().split(b"content-length:")[1].split()[0]) - len(data.split(b"\r\n\r\n", 1)[1])
        while rest > 0:
            rest -= len(s.recv(rest))


globals()[ARGS[0]]()
