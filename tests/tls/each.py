"""Eight calls with a connection of its own for each: URL CLIENT HOW [MS]. Prints answers, and the kind and reason of errors. The first
answer takes MS milliseconds, if that is said.

plain: nothing else. ask: says what each connection knows of its peer. idle: a connection is made, left alone and closed. kept: every other
call on one connection that is kept. What the others do is done only once 350 ms have passed, which they have in no run-ahead, so that main
does it on a connection whose call has been foreseen. late: the prompt says so. deep: asks what only a handshake of its own can tell. fork:
has a child between connecting and asking. shared: has one that sends every other call's body. epoll: connections have been in an epoll
set. offer: offers HTTP/2 as well. pinned: as late, and the program itself compares each peer's certificate with the first one's. turns: as
pinned, and what cannot be written at once is written in an event loop's turns. stricter, before 350 ms have passed too: from the second call on trusts as many authorities as before,
but not this server's.
"""
import hashlib
import http.client
import json
import os
import select
import ssl
import sys
import time
import urllib.parse
import urllib.request

if sys.argv[2] in ("requests", "httpx"):
    client = __import__(sys.argv[2])

URL, CLIENT, HOW = sys.argv[1:4]
FIRST = f" [[latency={sys.argv[4]}]]" if len(sys.argv) > 4 else ""
WHERE = urllib.parse.urlsplit(URL)
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret-key-7351"}


def peer(sock):
    certificate = sock.getpeercert()
    print(sock.version(), sock.cipher(), certificate["subject"], certificate["subjectAltName"], certificate["serialNumber"],
          len(sock.getpeercert(True)), sock.selected_alpn_protocol(), sock.compression(), sock.pending())


def deep(sock):
    if sock.version() == "TLSv1.2":
        print(len(sock.get_channel_binding()))
    print(sock.session is not None, sock.session_reused, len(sock._sslobj.get_verified_chain()))


def child(_):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    print(os.waitpid(pid, 0)[1])


def register(sock):
    with select.epoll() as events:
        events.register(sock, select.EPOLLIN)
        events.unregister(sock)


def compare(sock):
    """As clients do that are told a fingerprint, without any other verification."""
    seen.append(hashlib.sha256(sock.getpeercert(True)).hexdigest())
    if seen[-1] != seen[0]:
        print("refused")
        sys.exit(3)


def late():
    return time.monotonic() - began > 0.35


def context_of(number):
    """The context that this call's connection is made under."""
    context = ssl.create_default_context(cafile=os.environ["STRANGER"]) if HOW == "stricter" and number else \
        ssl.create_default_context()
    if PINNED:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if HOW == "offer" and late() else ["http/1.1"])
    return context


LOOKS = {"deep": deep, "fork": child, "epoll": register}


def dial(number):
    connection = http.client.HTTPSConnection(WHERE.hostname, WHERE.port, timeout=30, context=context_of(number))
    connection.connect()
    if HOW == "ask":
        peer(connection.sock)
    if PINNED:
        compare(connection.sock)
    if HOW in LOOKS and late():
        LOOKS[HOW](connection.sock)
    return connection


def by_child(connection, body):
    """The head goes out here, the body from a child, which prints the answer."""
    connection.putrequest("POST", WHERE.path + "/chat/completions")
    for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    pid = os.fork()
    if pid == 0:
        connection.send(body.encode())
        print(connection.getresponse().read().decode(), flush=True)
        os._exit(0)
    return {"choices": [{"message": {"content": os.waitpid(pid, 0)[1]}}]}


def over(connection, body):
    connection.request("POST", WHERE.path + "/chat/completions", body, HEADERS)
    return json.loads(connection.getresponse().read())


def by_turns(connection, body):
    head = f"POST {WHERE.path}/chat/completions HTTP/1.1\r\nHost: {WHERE.netloc}\r\nContent-Length: {len(body)}\r\n"
    left = (head + "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()) + "\r\n" + body).encode()
    connection.sock.setblocking(False)
    events = None
    while left:
        try:
            left = left[connection.sock.send(left):]
        except ssl.SSLWantWriteError:
            if not events:
                events = select.epoll()
                events.register(connection.sock, select.EPOLLOUT)
            events.poll()
    connection.sock.setblocking(True)
    response = http.client.HTTPResponse(connection.sock, method="POST")
    response.begin()
    return json.loads(response.read())


def post(number, body):
    if CLIENT == "requests":
        return client.post(URL + "/chat/completions", data=body, headers=HEADERS).json()
    if CLIENT == "httpx":
        return client.post(URL + "/chat/completions", content=body, headers=HEADERS, timeout=30).json()
    if CLIENT == "urllib":
        request = urllib.request.Request(URL + "/chat/completions", body.encode(), HEADERS)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    connection = dial(number)
    how = by_child if HOW == "shared" and number % 2 else by_turns if HOW == "turns" else over
    answer = (how if late() else over)(connection, body)
    connection.close()
    return answer


PINNED = HOW in ("pinned", "turns")
seen = []
began = time.monotonic()
kept = dial(0) if HOW == "kept" else None
for i in range(8):
    prompt = ("late " if (PINNED or HOW == "late") and late() else "") + f"question {i}" + (FIRST if i == 0 else "")
    call = json.dumps({"model": "test-model", "messages": [{"role": "user", "content": prompt}]})
    if HOW == "idle" and i % 2:
        dial(i).close()
    try:
        answer = over(kept, call) if kept and i % 2 else post(i, call)
        print(i, answer["choices"][0]["message"]["content"], flush=True)
    except (OSError, http.client.HTTPException) as error:
        while not isinstance(error, OSError) or not error.errno:
            below = error.__cause__ or error.__context__ or getattr(error, "reason", None)
            if not isinstance(below, BaseException):
                break
            error = below
        print("refused" if PINNED else (type(error).__name__, error.errno, getattr(error, "verify_message", None)))
        sys.exit(3)
if "SSLKEYLOGFILE" in os.environ:
    with open(os.environ["SSLKEYLOGFILE"], encoding="utf-8") as keys:
        print(sum(line.startswith("CLIENT_TRAFFIC_SECRET_0") for line in keys), "sessions have left their keys")
    os.remove(os.environ["SSLKEYLOGFILE"])
