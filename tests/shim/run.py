#!/usr/bin/python3
"""The shim against an engine that HITs, fails, hangs and dies: the program's output never changes."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import tap  # noqa: E402
from server import Server  # noqa: E402

MODES = ["miss", "hit", "fail", "never", "die-at-lookup", "hang-at-lookup", "die-before", "die-mid"]
CLIENTS = ["kept", "timeout", "raw", "dup"]
SIZES = [100, 1000000]  # of answers: in one piece, and more than a socket holds
UNANSWERED = ("die-at-lookup", "hang-at-lookup")  # the answer is the server's, whatever its size
LIMIT = 15  # seconds for one run of a program

# One row, one way to use a connection that a HIT must survive or keep out of: the program, its argument, what the engine
# does, how many HITs it gives (None: that depends on the moment) and how many of them are reverted.
PROGRAMS = [
    ("reader_thread", "recv", "hit", None, None),
    ("reader_thread", "poll", "hit", None, None),
    ("reader_thread", "polls", "hit", None, None),
    ("reader_thread", "select", "hit", None, None),
    ("failed_dup", "", "hit", 7, 0),
    ("epoll_first", "", "hit", 0, 0),
    ("printed_body", "", "hit", 2, 0),
    ("shutdown_reader", "", "never", 2, 0),
    ("poll_slices", "", "hit", 4, 0),
    ("glances", "once", "hit", 7, 0),
    ("glances", "twice", "hit", 0, 0),
    ("glances", "later", "hit", 0, 0),
    ("fork_in_answer", "before", "hit", 2, 1),
    ("fork_in_answer", "within", "hit", 4, 0),
    ("thread_on_hit", "recv fork", "hit", 1, 0),
    ("thread_on_hit", "poll fork", "hit", 1, 0),
    ("thread_on_hit", "recv pipeline", "never", 1, 1),
    ("thread_on_hit", "poll pipeline", "never", 1, 1),
]


def run_both(options, tmp, mode, command):
    """Runs command(port) without XCS and with it; what is wrong, and what the engine has noted."""
    server = Server(options.server, tmp)
    engine_log = tmp / "engine.log"
    engine_path = tmp / "engine"
    engine_path.unlink(missing_ok=True)
    engine = subprocess.Popen([sys.executable, HERE / "fake_engine.py", engine_path, mode, engine_log])
    try:
        while not engine_path.exists():
            time.sleep(0.01)
        plain, xcs = (subprocess.run(command(server.port), env=dict(os.environ, **more), text=True, capture_output=True,
                                     timeout=LIMIT)
                      for more in ({}, {"LD_PRELOAD": options.libxcs, "XCS_ENGINE": str(engine_path)}))
    finally:
        engine.kill()
        engine.wait()
        server.end()
    log = engine_log.read_text() if engine_log.exists() else ""
    problems = []
    if (plain.stdout, plain.stderr, plain.returncode) != (xcs.stdout, xcs.stderr, xcs.returncode):
        problems.append("output differs:\n%s%s---\n%s%s" % (plain.stdout, plain.stderr, xcs.stdout, xcs.stderr))
    return problems, log


def client_case(options, tmp, mode, kind, size):
    problems, log = run_both(options, tmp, mode,
                             lambda port: ["/usr/bin/python3", HERE / "client.py", str(port), str(size), kind])
    if mode in ("hit", "fail") and log.count("hit") != 4:
        problems.append("hits: " + log)
    if mode == "hit" and "revert" in log:
        problems.append("a HIT was reverted: " + log)
    if mode == "never" and kind == "timeout" and "revert" not in log:
        problems.append("no revert at the time limit: " + log)
    return problems


def program_case(options, tmp, name, how, mode, hits, reverts):
    problems, log = run_both(options, tmp, mode,
                             lambda port: [os.path.join(options.bin, name), "http://127.0.0.1:%d/v1" % port, *(how.split() or [how])])
    for what, expected in (("hit", hits), ("revert", reverts)):
        if expected is not None and log.count(what) != expected:
            problems.append("%d times %s expected: %s" % (expected, what, log))
    return problems


def table():
    """(name, function of its own arguments, the arguments) of each case."""
    for mode in MODES:
        for kind in CLIENTS:
            for size in SIZES[:1] if mode in UNANSWERED else SIZES:
                # Without a time limit of its own a program waits as long as the model does.
                if mode != "never" or kind == "timeout":
                    yield "%s %s %d" % (mode, kind, size), client_case, (mode, kind, size)
    yield "broken stream", client_case, ("broken", "broken", SIZES[1])
    for row in PROGRAMS:
        yield " ".join(filter(None, row[:2])), program_case, row


def main():
    options = tap.parse(tap.parser(__doc__))
    rows = tap.chosen(options, [(name, (case, arguments)) for name, case, arguments in table()])
    with tempfile.TemporaryDirectory(prefix="xcs-shim-") as top:
        return tap.run(rows, lambda row, directory: (row[0](options, pathlib.Path(directory), *row[1]), []), top)


sys.exit(main())
