#!/usr/bin/python3
"""A model server that answers as no HTTP library would. It closes each connection after one answer, and does not say so.
Called as the model server is, and logs as it does; --way says what else is odd.
"""
import argparse
import hashlib
import json
import os
import signal
import socket
import threading
import time


def answer_to(body):
    text = "answer " + hashlib.sha256(body).hexdigest()[:12]
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()


def plain(answer):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)


def length_list(answer):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d, %d\r\n\r\n%s" % (len(answer), len(answer), answer)


WAYS = {
    "plain": plain,
    "interim": lambda answer: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + plain(answer),
    "length-list": length_list,
}


class Server:
    def __init__(self, options):
        self.options = options
        self.log = open(options.log, "w", encoding="utf-8")
        self.lock = threading.Lock()
        self.seq = 0
        self.began = time.monotonic()
        self.socket = socket.create_server(("127.0.0.1", options.port), backlog=128)
        with open(options.port_file + ".tmp", "w", encoding="utf-8") as f:
            f.write(str(options.port))
        os.rename(options.port_file + ".tmp", options.port_file)  # whole, or not there

    def now_ms(self):
        return (time.monotonic() - self.began) * 1000

    def write(self, head, body, start):
        method, target, _ = head[0].split(" ", 2)
        with self.lock:
            self.seq += 1
            line = {"seq": self.seq, "method": method, "target": target, "headers": sorted(head[1:]), "body": body.decode(),
                    "body_len": len(body), "body_sha256": hashlib.sha256(body).hexdigest(), "start_ms": start,
                    "end_ms": self.now_ms()}
            print(json.dumps(line), file=self.log, flush=True)

    def serve(self, connection):
        with connection, connection.makefile("rb") as f:
            head = []
            while (line := f.readline().decode().rstrip()):
                head.append(line)
            if not head:
                return
            start = self.now_ms()
            length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:"))
            body = f.read(length)
            time.sleep(self.options.latency_ms / 1000)
            self.write(head, body, start)
            connection.sendall(WAYS[self.options.way](answer_to(body)))

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--port-file", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--latency-ms", type=int, default=0)
    p.add_argument("--way", choices=WAYS, required=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Server(p.parse_args()).run()


if __name__ == "__main__":
    main()
