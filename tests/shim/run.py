#!/usr/bin/python3
"""The shim against an engine that HITs, fails, hangs and dies: the program's output never changes.

usage: run.py --libxcs PATH --server PATH
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MODES = ["miss", "hit", "fail", "never", "die-at-lookup", "hang-at-lookup", "die-before", "die-mid"]
CLIENTS = ["kept", "timeout", "raw", "dup"]
SIZES = [100, 3000000]


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


def run_client(port, size, kind, env):
    return subprocess.run(["/usr/bin/python3", HERE / "client.py", port, str(size), kind], env=env, text=True,
                          capture_output=True, timeout=60)


def case(args, tmp, mode, kind, size):
    server, port = start_server(args.server, tmp, tmp / "server.log")
    engine_log = tmp / "engine.log"
    engine_path = tmp / "engine"
    engine_path.unlink(missing_ok=True)
    engine = subprocess.Popen([sys.executable, HERE / "fake_engine.py", engine_path, mode, engine_log])
    try:
        while not engine_path.exists():
            time.sleep(0.01)
        plain = run_client(port, size, kind, dict(os.environ))
        xcs = run_client(port, size, kind, dict(os.environ, LD_PRELOAD=args.libxcs, XCS_ENGINE=str(engine_path)))
    finally:
        engine.kill()
        engine.wait()
        server.terminate()
        server.wait()
    log = engine_log.read_text() if engine_log.exists() else ""
    problems = []
    if (plain.stdout, plain.stderr, plain.returncode) != (xcs.stdout, xcs.stderr, xcs.returncode):
        problems.append("output differs:\n%s%s---\n%s%s" % (plain.stdout, plain.stderr, xcs.stdout, xcs.stderr))
    if mode in ("hit", "fail") and log.count("hit") != 4:
        problems.append("hits: " + log)
    if mode == "hit" and "revert" in log:
        problems.append("a HIT was reverted: " + log)
    if mode == "never" and kind == "timeout" and "revert" not in log:
        problems.append("no revert at the time limit: " + log)
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--libxcs", required=True)
    parser.add_argument("--server", required=True)
    args = parser.parse_args()
    args.libxcs = os.path.abspath(args.libxcs)
    number = failed = 0
    for mode in MODES:
        for kind in CLIENTS:
            for size in SIZES:
                if mode == "never" and kind != "timeout":
                    continue  # without a time limit of its own a program waits as long as the model does
                number += 1
                with tempfile.TemporaryDirectory() as tmp:
                    try:
                        problems = case(args, pathlib.Path(tmp), mode, kind, size)
                    except subprocess.TimeoutExpired as e:
                        problems = ["hangs: %s" % e]
                failed += bool(problems)
                print("%s %d - %s %s %d" % ("not ok" if problems else "ok", number, mode, kind, size), flush=True)
                for p in problems:
                    print("# " + p.replace("\n", "\n# "))
    print("%d passed, %d failed" % (number - failed, failed))
    return 1 if failed else 0


sys.exit(main())
