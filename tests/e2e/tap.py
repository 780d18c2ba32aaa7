"""How the scripts that run a table of scenarios run it and tell of it: TAP, on stdout."""
import os
import shutil
import subprocess
import sys
import tempfile


def chosen(rows, names):
    """Of (name, row) pairs those whose name contains one of `names`; all when there are none."""
    return [(name, row) for name, row in rows if not names or any(n in name for n in names)]


def run(rows, run_row, top):
    """run_row(row, directory) returns (what is wrong, remarks); each has a directory of its own below `top`. The exit status."""
    failed = 0
    print(f"1..{len(rows)}", flush=True)
    for number, (name, row) in enumerate(rows, 1):
        directory = tempfile.mkdtemp(dir=top)
        try:
            problems, remarks = run_row(row, directory)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            problems, remarks = [f"the test itself failed: {error}"], []
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for line in remarks + problems:
            print("#", line)
        sys.stdout.flush()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"# {len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def complete(options):
    """Makes paths absolute (no realpath: a venv's python is a link), and xcs the one beside libxcs.so if no other is given."""
    if options.libxcs and not options.xcs:
        options.xcs = os.path.join(os.path.dirname(os.path.realpath(options.libxcs)), "xcs")
    for name in ("libxcs", "xcs", "server", "bin", "python"):
        if getattr(options, name, None):
            setattr(options, name, os.path.abspath(getattr(options, name)))
    return options
