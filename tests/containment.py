#!/usr/bin/python3
"""Containment, end to end: runs the hostile program for each effect under XCS against the model server. Each effect
must have happened exactly once, with the same output as without XCS, although a run-ahead tried it before.

Prints TAP, with what ended the run-ahead. Exit status 1 when anything failed. Standard library only.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
import tap  # noqa: E402
from server import Server  # noqa: E402

LIMIT = 30  # seconds for one run
LATENCY = "60"  # milliseconds, in which a run-ahead tries
TRIES = 5  # a busy machine may need longer than that


def hostile(options):
    """The program that has the effects."""
    return os.path.join(options.bin, "hostile")


def run(options, port, effect, under):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XCS")}
    if under:
        environment.update(LD_PRELOAD=options.libxcs, XCS_DEBUG="1")
    done = subprocess.run([hostile(options), port, effect], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def check(options, port, effect):
    """(what is wrong, remarks)."""
    plain = run(options, port, effect, False)
    for _ in range(TRIES):
        status, output, debug = run(options, port, effect, True)
        tried = "run-ahead 1 forked at call 1" in debug
        if tried or (status, output) != plain[:2]:
            break
    ended = re.search(r"run-ahead 1 ended.*: (.*)", debug)
    remarks = [f"{ended.group(1) if ended else 'went on'}; status {status}, {output.strip()}"]
    problems = []
    if not tried:
        problems.append("no run-ahead: nothing was tried")
    if plain[0] != 0:
        problems.append(f"without XCS: status {plain[0]}")
    if (status, output) != plain[:2]:
        problems.append(f"without XCS: status {plain[0]}, {plain[1].strip()}")
    return problems, remarks


def main():
    options = tap.parse(tap.parser(__doc__))
    effects = subprocess.run([hostile(options), "0", "list"], capture_output=True, text=True, check=True).stdout.split()
    rows = tap.chosen(options, [(effect, effect) for effect in effects])
    with tempfile.TemporaryDirectory(prefix="xcs-containment-") as top:
        server = Server(options.server, top, "--latency-ms", LATENCY)
        try:
            return tap.run(rows, lambda effect, _: check(options, str(server.port), effect), top)
        finally:
            server.end()


if __name__ == "__main__":
    sys.exit(main())
