"""Eight calls on one TLS session that begins after an exchange in the clear on the same connection: URL PROXY."""
import http.client
import json
import socket
import ssl
import sys
import urllib.parse

WHERE, PROXY = map(urllib.parse.urlsplit, sys.argv[1:3])
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret-key-7351"}

below = socket.create_connection((PROXY.hostname, PROXY.port), timeout=30)
below.sendall(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % WHERE.port)
print(below.recv(4096).split(b"\r\n")[0])
connection = http.client.HTTPSConnection(WHERE.hostname, WHERE.port)
connection.sock = ssl.create_default_context().wrap_socket(below, server_hostname=WHERE.hostname)
for i in range(8):
    call = {"model": "test-model", "messages": [{"role": "user", "content": f"question {i}"}]}
    connection.request("POST", WHERE.path + "/chat/completions", json.dumps(call), HEADERS)
    print(i, json.loads(connection.getresponse().read())["choices"][0]["message"]["content"], flush=True)
