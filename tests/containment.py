#!/usr/bin/python3
"""Containment, end to end: runs the hostile program for each effect under XCS against the model server. Each effect
must have happened exactly once, with the same output as without XCS, although a run-ahead tried it before.

Prints TAP, with what ended the run-ahead. Exit status 1 when anything failed. Standard library only.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

LIMIT = 30  # seconds for one run


def start_server(options, directory):
    port_file = os.path.join(directory, "port")
    server = subprocess.Popen([options.server, "--port", "0", "--port-file", port_file,
                               "--log", os.path.join(directory, "log"), "--latency-ms", "60"],
                              stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (os.path.exists(port_file) and open(port_file).read().strip()):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the model server did not start")
        time.sleep(0.005)
    return server, open(port_file).read().strip()


def run(options, port, effect, under):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XCS")}
    if under:
        environment.update(LD_PRELOAD=options.libxcs, XCS_DEBUG="1")
    done = subprocess.run([options.hostile, port, effect], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def check(options, port, effect):
    plain = run(options, port, effect, False)
    status, output, debug = run(options, port, effect, True)
    if "run-ahead 1 forked at call 1" not in debug:
        return False, "no run-ahead: nothing was tried"
    barrier = re.search(r"run-ahead 1 ended.*: (.*)", debug)
    ended = barrier.group(1) if barrier else "went on"
    return plain[0] == 0 and (status, output) == plain[:2], f"{ended}; status {status}, {output.strip()}"


def main():
    parser = argparse.ArgumentParser()
    for name in ("libxcs", "server", "hostile"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("effects", nargs="*")
    options = parser.parse_args()
    listed = subprocess.run([options.hostile, "0", "list"], capture_output=True, text=True, check=True).stdout.split()
    effects = options.effects or listed
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        server, port = start_server(options, directory)
        try:
            print(f"1..{len(effects)}")
            for number, effect in enumerate(effects, 1):
                try:
                    good, detail = check(options, port, effect)
                except subprocess.TimeoutExpired:
                    good, detail = False, "did not end"
                failed += not good
                print(f"{'ok' if good else 'not ok'} {number} - {effect} # {detail}", flush=True)
        finally:
            server.terminate()
            server.wait(10)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
