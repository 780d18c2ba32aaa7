"""Eight calls through a proxy's tunnels, asked for by http.client: URL PROXY HOW [WAY]... Prints the answers, and the kind of errors.

keep: on one connection; sum: the same, and a call that needs all answers; each: a connection for each call; split: as each, and the CONNECT goes out in two pieces. A WAY is USER:PASSWORD for
the proxy, or at:HOST for the server; where there are several, each call is made in all of them.
"""
import base64
import http.client
import json
import socket
import ssl
import sys
import urllib.parse

WHERE, PROXY = map(urllib.parse.urlsplit, sys.argv[1:3])
HOW, WAYS = sys.argv[3], sys.argv[4:] or ["at:" + WHERE.hostname]
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret-key-7351"}


class InPieces(http.client.HTTPSConnection):
    """Its first byte goes out alone."""

    def send(self, data):
        if not isinstance(self.sock, ssl.SSLSocket):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.sendall(data[:1])
            data = data[1:]
        super().send(data)


def dial(way):
    kind = InPieces if HOW == "split" else http.client.HTTPSConnection
    connection = kind(PROXY.hostname, PROXY.port, timeout=30)
    if way.startswith("at:"):
        connection.set_tunnel(way[3:], WHERE.port)
    else:
        connection.set_tunnel(WHERE.hostname, WHERE.port,
                              {"Proxy-Authorization": "Basic " + base64.b64encode(way.encode()).decode()})
    connection.connect()
    return connection


def ask(connection, prompt):
    call = {"model": "test-model", "messages": [{"role": "user", "content": prompt}]}
    connection.request("POST", WHERE.path + "/chat/completions", json.dumps(call), HEADERS)
    return json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]


kept, answers = {}, []
for i in range(8):
    for way in WAYS:
        try:
            if way not in kept:
                kept[way] = dial(way)
            answers.append(ask(kept[way], f"secret prompt {i} of {WAYS.index(way)}"))
            print(i, answers[-1], flush=True)
            if HOW not in ("keep", "sum"):
                kept.pop(way).close()
        except ssl.SSLCertVerificationError as error:
            print(i, type(error).__name__, error.reason, error.verify_message)
            sys.exit(3)
        except (OSError, http.client.HTTPException) as error:
            print(i, type(error).__name__, getattr(error, "errno", None), "Tunnel" in str(error) and str(error), flush=True)
if HOW == "sum":
    for way in WAYS:
        print(ask(kept[way], "sum up " + " ".join(answers)), flush=True)
