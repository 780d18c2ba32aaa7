"""What a program makes of its server's certificate: URL HOW. Prints the kind and reason of errors, without addresses.

verify: eight calls with verification; off: without; off-then-verify: four of each; certificate: shows one of its own;
swapped: a connection for each call, all but the first made when two seconds have passed, in a run-ahead at once.
"""
import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse

WHERE = urllib.parse.urlsplit(sys.argv[1])
HOW = sys.argv[2]
PROXY = "https_proxy" in os.environ and urllib.parse.urlsplit(os.environ["https_proxy"])
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret-key-7351"}


def context_of(verify):
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if HOW == "certificate":
        context.load_cert_chain(os.environ["CLIENT_PEM"], os.environ["CLIENT_KEY"])
    return context


def dial(verify):
    if PROXY:
        connection = http.client.HTTPSConnection(PROXY.hostname, PROXY.port, timeout=30, context=context_of(verify))
        connection.set_tunnel(WHERE.hostname, WHERE.port)
        return connection
    return http.client.HTTPSConnection(WHERE.hostname, WHERE.port, timeout=30, context=context_of(verify))


def ask(connection, prompt):
    call = {"model": "test-model", "messages": [{"role": "user", "content": prompt}]}
    try:
        connection.request("POST", WHERE.path + "/chat/completions", json.dumps(call), HEADERS)
        return json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
    except ssl.SSLCertVerificationError as error:
        print(type(error).__name__, error.reason, error.verify_message)
        sys.exit(3)
    except (OSError, http.client.HTTPException) as error:
        print(type(error).__name__, getattr(error, "errno", None))
        sys.exit(4)


def ask_once(i):
    connection = dial(True)
    print(i, ask(connection, f"secret prompt {i}"), flush=True)
    connection.close()


if HOW == "swapped":
    began = time.monotonic()
    ask_once(0)
    if time.monotonic() - began > 0.35:
        time.sleep(2)
    for number in range(1, 8):
        time.sleep(0.2)
        ask_once(number)
    sys.exit()
kept = dial(HOW not in ("off", "off-then-verify"))
for i in range(4 if HOW == "off-then-verify" else 8):
    answer = ask(kept, f"secret prompt {i}")
    print(i, answer, flush=True)
if HOW == "off-then-verify":
    for i in range(4):
        print(i, ask(dial(True), f"verified prompt {i}"), flush=True)
