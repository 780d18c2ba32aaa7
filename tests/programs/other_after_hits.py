"""After model calls, another request on the same connection, whose answer is waited for with select, more than once."""
import http.client
import json
import select
import urllib.parse

import model

where = urllib.parse.urlsplit(model.URL)
connection = http.client.HTTPConnection(where.hostname, where.port)
for i in range(4):
    connection.request("POST", where.path + "/chat/completions", json.dumps(model.call_of(f"question {i}")), model.HEADERS)
    model.say(model.text_of(json.loads(connection.getresponse().read())))
if model.ARGS[0] == "get":
    connection.request("GET", where.path + "/models")
else:
    connection.request("POST", where.path + "/chat/completions", "no call at all", model.HEADERS)
for _ in range(3):
    readable, _, _ = select.select([connection.sock], [], [], 10)
    model.say("readable" if readable else "nothing came")
connection.sock.settimeout(10)
answer = connection.getresponse()
model.say(answer.status, answer.read().decode()[:40])
