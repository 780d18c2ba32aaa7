"""What the scripts that run a table of scenarios have in common: their options, and how they run it and tell of it: TAP, on
stdout.
"""
import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile


class Skip(Exception):
    """A row cannot be run here, and why."""


def parser(description):
    """The options that all of them have."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("names", nargs="*", help="run only those whose name contains one of these")
    p.add_argument("--libxcs", help="libxcs.so")
    p.add_argument("--xcs", help="the xcs command; default: beside libxcs.so")
    p.add_argument("--server", help="the model server")
    p.add_argument("--bin", help="where the compiled programs are; default: beside the server")
    p.add_argument("--part", default="1/1", help="K/N: the K-th of N parts, which may run at the same time")
    p.add_argument("--list", action="store_true", help="only say what there is")
    return p


def parse(p):
    """The options, with absolute paths (no realpath: a venv's python is a link)."""
    options = p.parse_args()
    if not options.list and not options.server:
        p.error("--server is needed")
    if not options.list and not options.libxcs and not getattr(options, "native_only", False):
        p.error("--libxcs is needed")
    if options.libxcs and not options.xcs:
        options.xcs = os.path.join(os.path.dirname(os.path.realpath(options.libxcs)), "xcs")
    if options.server and not options.bin:
        options.bin = os.path.dirname(os.path.realpath(options.server))
    for name in ("libxcs", "xcs", "server", "bin", "python"):
        if getattr(options, name, None):
            setattr(options, name, os.path.abspath(getattr(options, name)))
    return options


def chosen(options, rows):
    """Of (name, row) pairs those that were asked for. With --list only tells of them, and ends."""
    part, parts = map(int, options.part.split("/"))
    rows = [(name, row) for name, row in rows if not options.names or any(n in name for n in options.names)][part - 1::parts]
    if options.list:
        print("\n".join(name for name, _ in rows))
        sys.exit(0)
    return rows


def run_row(number, name, row, check, top):
    """One row, in a directory of its own; it has "passed", "failed" or been "left out"."""
    directory = tempfile.mkdtemp(dir=top)
    skip = ""
    try:
        problems, remarks = check(row, directory)
    except Skip as reason:
        problems, remarks, skip = [], [], f" # SKIP {reason}"
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        problems, remarks = [f"the test itself failed: {error}"], []
    lines = [f"{'not ok' if problems else 'ok'} {number} - {name}{skip}",
             *("# " + line for text in remarks + problems for line in text.splitlines())]
    print("\n".join(lines), flush=True)  # in one piece: several processes may write
    shutil.rmtree(directory, ignore_errors=True)
    return "failed" if problems else "left out" if skip else "passed"


def begin(rows):
    print(f"1..{len(rows)}", flush=True)


def end(counts):
    """Counts: how many rows of each outcome. The exit status."""
    print("# " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "left out")
                           if counts[outcome] or outcome != "left out"))
    return 1 if counts["failed"] else 0


def run(rows, check, top):
    """check(row, directory) returns (what is wrong, remarks), or raises Skip. The exit status."""
    begin(rows)
    return end(collections.Counter(run_row(number, name, row, check, top) for number, (name, row) in enumerate(rows, 1)))
