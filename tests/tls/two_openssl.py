"""Two OpenSSL libraries in one process: URL MODULE. Python's own makes calls, then the module's does, then Python's again."""
import ctypes
import http.client
import json
import ssl
import sys
import urllib.parse

WHERE = urllib.parse.urlsplit(sys.argv[1])
MODULE = ctypes.CDLL(sys.argv[2], mode=ctypes.DEFAULT_MODE)
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret-key-7351"}
kept = http.client.HTTPSConnection(WHERE.hostname, WHERE.port, timeout=30, context=ssl.create_default_context())


def ask(prompt):
    call = {"model": "test-model", "messages": [{"role": "user", "content": prompt}]}
    kept.request("POST", WHERE.path + "/chat/completions", json.dumps(call), HEADERS)
    return json.loads(kept.getresponse().read())["choices"][0]["message"]["content"]


print(ssl.OPENSSL_VERSION_NUMBER >= 0x30000000)
for i in range(8):
    print(i, ask(f"secret prompt {i}"), flush=True)
print(MODULE.client(sys.argv[1].encode(), b"loop", b"blocking"), flush=True)
for i in range(8, 12):
    print(i, ask(f"secret prompt {i}"), flush=True)
