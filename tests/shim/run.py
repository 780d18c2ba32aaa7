#!/usr/bin/python3
"""The shim against an engine that HITs, fails, hangs and dies: the program's output never changes."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import run as e2e  # noqa: E402

MODES = ["miss", "hit", "fail", "never", "die-at-lookup", "hang-at-lookup", "die-before", "die-mid"]
CLIENTS = ["kept", "timeout", "raw", "dup"]
SIZES = [100, 3000000]
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
    ("fork_in_answer", "before", "hit", 2, 1),
    ("fork_in_answer", "within", "hit", 4, 0),
]


def start_server(server, tmp, log):
    port_file = tmp / "port"
    port_file.unlink(missing_ok=True)
    process = subprocess.Popen([server, "--port", "0", "--port-file", port_file, "--log", log],
                               stdout=subprocess.DEVNULL)
    for _ in range(500):
        if port_file.exists() and port_file.read_text().strip():
            return process, port_file.read_text().strip()
        time.sleep(0.01)
    sys.exit("run.py: the model server did not start")


def run_both(args, tmp, mode, command):
    """Runs command(port) without XCS and with it; what is wrong, and what the engine has noted."""
    server, port = start_server(args.server, tmp, tmp / "server.log")
    engine_log = tmp / "engine.log"
    engine_path = tmp / "engine"
    engine_path.unlink(missing_ok=True)
    engine = subprocess.Popen([sys.executable, HERE / "fake_engine.py", engine_path, mode, engine_log])
    try:
        while not engine_path.exists():
            time.sleep(0.01)
        plain, xcs = (subprocess.run(command(port), env=dict(os.environ, **more), text=True, capture_output=True,
                                     timeout=LIMIT)
                      for more in ({}, {"LD_PRELOAD": args.libxcs, "XCS_ENGINE": str(engine_path)}))
    finally:
        engine.kill()
        engine.wait()
        server.terminate()
        server.wait()
    log = engine_log.read_text() if engine_log.exists() else ""
    problems = []
    if (plain.stdout, plain.stderr, plain.returncode) != (xcs.stdout, xcs.stderr, xcs.returncode):
        problems.append("output differs:\n%s%s---\n%s%s" % (plain.stdout, plain.stderr, xcs.stdout, xcs.stderr))
    return problems, log


def client_case(args, tmp, mode, kind, size):
    problems, log = run_both(args, tmp, mode,
                             lambda port: ["/usr/bin/python3", HERE / "client.py", port, str(size), kind])
    if mode in ("hit", "fail") and log.count("hit") != 4:
        problems.append("hits: " + log)
    if mode == "hit" and "revert" in log:
        problems.append("a HIT was reverted: " + log)
    if mode == "never" and kind == "timeout" and "revert" not in log:
        problems.append("no revert at the time limit: " + log)
    return problems


def program_case(args, tmp, name, how, mode, hits, reverts):
    problems, log = run_both(args, tmp, mode,
                             lambda port: [os.path.join(args.bin, name), "http://127.0.0.1:%s/v1" % port, how])
    for what, expected in (("hit", hits), ("revert", reverts)):
        if expected is not None and log.count(what) != expected:
            problems.append("%d times %s expected: %s" % (expected, what, log))
    return problems


def table():
    """(name, function of its own arguments, the arguments) of each case."""
    for mode in MODES:
        for kind in CLIENTS:
            for size in SIZES:
                # Without a time limit of its own a program waits as long as the model does.
                if mode != "never" or kind == "timeout":
                    yield "%s %s %d" % (mode, kind, size), client_case, (mode, kind, size)
    yield "broken stream", client_case, ("broken", "broken", SIZES[1])
    for row in PROGRAMS:
        yield " ".join(filter(None, row[:2])), program_case, row


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="run only cases whose name contains one of these")
    parser.add_argument("--libxcs", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--bin", help="where the compiled programs are; default: compile them")
    args = parser.parse_args()
    args.libxcs = os.path.abspath(args.libxcs)
    return args


def main():
    args = parse()
    chosen = [case for case in table() if not args.names or any(n in case[0] for n in args.names)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="xcs-shim-") as top:
        if not args.bin:
            args.bin = top
            e2e.compile_programs(top)
        for number, (name, case, arguments) in enumerate(chosen, 1):
            with tempfile.TemporaryDirectory(dir=top) as tmp:
                try:
                    problems = case(args, pathlib.Path(tmp), *arguments)
                except subprocess.TimeoutExpired as e:
                    problems = ["hangs: %s" % e]
            failed += bool(problems)
            print("%s %d - %s" % ("not ok" if problems else "ok", number, name), flush=True)
            for p in problems:
                print("# " + p.replace("\n", "\n# "))
    print("%d passed, %d failed" % (len(chosen) - failed, failed))
    return 1 if failed else 0


sys.exit(main())
