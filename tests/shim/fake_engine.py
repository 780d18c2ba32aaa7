"""An engine that answers each lookup in a way the test chose: the shim's half of the contract, tested alone.

Speaks shim/protocol.h as a sidecar. It never sends a filter, so nothing is forked; every call but the first is
answered with the chosen verdict. For a HIT it fetches the real answer itself.
"""
import os
import socket
import struct
import sys
import time

PROTO = 0x58435302
HELLO, WELCOME, LOOKUP, VERDICT = 1, 2, 3, 4
ANSWERED, REVERT = 6, 7
MISS, HIT = 1, 2
F_MEMFD = 2
UNKNOWN = (1 << 64) - 1
HEAD = struct.Struct("=IHHIIQQI28s")  # struct xcs_msg; sockaddr_in6 is 28 bytes


def message(kind, verdict=0, flags=0, node=0, payload=b""):
    return HEAD.pack(PROTO, kind, verdict, flags, 0, node, len(payload), 0, b"") + payload


def fetch(addr, request):
    """The raw response to a raw request."""
    port = struct.unpack("!H", addr[2:4])[0]
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(body) < length[0]:
            body += s.recv(65536)
    return head + b"\r\n\r\n" + body


def deliver(sock, raw, upto, length=None):
    """Writes the first `upto` bytes of the response, the memfd with all of it, and with its length, attached."""
    fd = os.memfd_create("response")
    os.write(fd, struct.pack("=IIQ", PROTO, 0, len(raw) if length is None else length))
    view = memoryview(raw)
    while view:
        view = view[os.write(fd, view):]
    rest = raw[1000:upto]
    try:
        socket.send_fds(sock, [raw[: min(upto, 1000)]], [fd])
        while rest:
            rest = rest[sock.send(rest):]
    except (BrokenPipeError, ConnectionResetError):
        pass
    os.close(fd)


def serve(conn, mode, log):
    calls = 0
    open_hits = []
    while True:
        packet, fds, _, _ = socket.recv_fds(conn, 1 << 20, 4)
        if not packet:
            return
        _, kind, _, flags, _, node, length, addr_len, addr = HEAD.unpack(packet[: HEAD.size])
        payload = packet[HEAD.size:]
        if flags & F_MEMFD and kind == LOOKUP:
            payload = os.pread(fds[0], length, 0)
        for fd in fds:
            os.close(fd)
        if kind == HELLO:
            conn.send(message(WELCOME))
        elif kind in (ANSWERED, REVERT):
            log.write("%s %d\n" % ("answered" if kind == ANSWERED else "revert", node))
            log.flush()
        elif kind == LOOKUP:
            calls += 1
            if calls == 1 or mode == "miss":
                conn.send(message(VERDICT, verdict=MISS, node=calls))
                continue
            if mode == "die-at-lookup":
                os._exit(0)
            if mode == "hang-at-lookup":
                time.sleep(30)
            ours, theirs = socket.socketpair()
            socket.send_fds(conn, [message(VERDICT, verdict=HIT, node=calls)], [theirs.fileno()])
            theirs.close()
            log.write("hit %d\n" % calls)
            log.flush()
            if mode == "fail":
                ours.close()
            elif mode == "never":
                open_hits.append(ours)
            elif mode == "die-before":
                time.sleep(0.05)
                os._exit(0)
            elif mode == "die-mid":
                raw = fetch(addr, payload)
                deliver(ours, raw, len(raw) // 2)
                os._exit(0)
            elif mode == "broken":
                raw = fetch(addr, payload)
                deliver(ours, raw[:len(raw) // 2], len(raw) // 4, UNKNOWN)
                ours.close()
            else:
                deliver(ours, fetch(addr, payload), 1 << 40)
                open_hits.append(ours)


def main():
    path, mode, log_path = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(8)
    with open(log_path, "w") as log:
        while True:
            conn, _ = listener.accept()
            serve(conn, mode, log)


main()
