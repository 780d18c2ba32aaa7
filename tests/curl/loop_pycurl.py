"""Model calls with pycurl: URL WAY. Prints answers and errors; no times, no ports."""
import io
import json
import os
import re
import sys
import threading

import pycurl

BASE, WAY = sys.argv[1:3]
CALLS = 6
HEADERS = ["Content-Type: application/json", "Authorization: Bearer test-key"]


def body(prompt):
    return json.dumps({"model": "test-model", "messages": [{"role": "user", "content": prompt}]})


def content(data):
    return json.loads(data)["choices"][0]["message"]["content"]


def handle(prompt=None):
    c = pycurl.Curl()
    c.setopt(pycurl.URL, BASE + "/chat/completions")
    c.setopt(pycurl.HTTPHEADER, HEADERS)
    if prompt is not None:
        c.setopt(pycurl.POSTFIELDS, body(prompt))
    if "CA_FILE" in os.environ:
        c.setopt(pycurl.CAINFO, os.environ["CA_FILE"])
    return c


def in_memory():
    for i in range(CALLS):
        to, c = io.BytesIO(), handle(f"question {i}")
        c.setopt(pycurl.WRITEDATA, to)
        c.perform()
        print(c.getinfo(pycurl.RESPONSE_CODE), c.getinfo(pycurl.CONTENT_TYPE), content(to.getvalue()), flush=True)
        c.close()


def as_string():
    c = handle()
    for i in range(CALLS):
        c.setopt(pycurl.POSTFIELDS, body(f"question {i}"))
        print(content(c.perform_rs()), content(c.perform_rb()), flush=True)


def callbacks():
    for i in range(CALLS):
        pieces, lines, seen, c = [], [], [], handle(f"question {i}")
        c.setopt(pycurl.WRITEFUNCTION, pieces.append)
        c.setopt(pycurl.HEADERFUNCTION, lines.append)
        c.setopt(pycurl.NOPROGRESS, 0)
        c.setopt(pycurl.XFERINFOFUNCTION, lambda *numbers: seen.append(numbers) and None)
        c.perform()
        print(content(b"".join(pieces)), [line for line in lines if not line.lower().startswith(b"date")], bool(seen))


def to_file():
    for i in range(CALLS):
        with open(f"answer-{i}", "wb") as to:
            c = handle(f"question {i}")
            c.setopt(pycurl.WRITEDATA, to)
            c.perform()
        with open(f"answer-{i}", "rb") as written:
            print(content(written.read()))


def errors():
    for prompt in ("good", "[[status=500]] bad", "[[drop=20]] broken", "good too", "[[hangup]] gone", "last"):
        to, c = io.BytesIO(), handle(prompt)
        c.setopt(pycurl.WRITEDATA, to)
        c.setopt(pycurl.FAILONERROR, 1)
        try:
            c.perform()
            print(content(to.getvalue()))
        except pycurl.error as error:
            print(error.args[0], re.sub(r"\d+", "#", error.args[1]), c.getinfo(pycurl.RESPONSE_CODE))


def raising():
    def write(data):
        raise ValueError("not wanted")
    for i in range(CALLS):
        c = handle(f"question {i}")
        c.setopt(pycurl.WRITEFUNCTION, write if i == 2 else lambda data: None)
        try:
            c.perform()
            print("performed")
        except pycurl.error as error:
            print(error.args[0])


def reading():
    for i in range(CALLS):
        data = body(f"question {i}").encode()
        c = handle()
        c.setopt(pycurl.POST, 1)
        c.setopt(pycurl.READDATA, io.BytesIO(data))
        c.setopt(pycurl.POSTFIELDSIZE, len(data))
        print(content(c.perform_rs()))


def threads():
    answers = {}

    def work(number):
        for i in range(3):
            answers[number, i] = content(handle(f"question {number} {i}").perform_rs())
    workers = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for key in sorted(answers):
        print(key, answers[key])


def multi():
    many, handles = pycurl.CurlMulti(), []
    for i in range(CALLS):
        c = handle(f"question {i}")
        c.to = io.BytesIO()
        c.setopt(pycurl.WRITEDATA, c.to)
        many.add_handle(c)
        handles.append(c)
    running = 1
    while running:
        _, running = many.perform()
        many.select(1.0)
    for c in handles:
        many.remove_handle(c)
        print(content(c.to.getvalue()))


def chain():
    last = "start"
    for _ in range(CALLS):
        last = content(handle("after " + last).perform_rs())
        print(last)


{"in-memory": in_memory, "as-string": as_string, "callbacks": callbacks, "to-file": to_file, "errors": errors,
 "raising": raising, "reading": reading, "threads": threads, "multi": multi, "chain": chain}[WAY]()
