#!/usr/bin/python3
"""Tests of programs on libcurl: C programs, PHP, pycurl, R, the curl command and libcurl's published examples. Each row of table.py
runs without and with XCS against a fresh model server, directly or behind nginx, and what can be seen of it is compared as in
the end-to-end tests, whose harness this uses. Prints TAP; exit status 1 when anything failed.

It happens in networks of its own where that is allowed; where it is not, the examples are left out.
"""
import collections
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "tls")]
import fronts  # noqa: E402
import processes  # noqa: E402
import run as e2e  # noqa: E402
import tap  # noqa: E402
from peers import Authority  # noqa: E402
from server import free_ports  # noqa: E402
from table import EXAMPLES, ROWS  # noqa: E402

WORKERS = 3  # most of the time is the model server's latency
SECRETS = (b"test-key", b"test-token", b"pass word", b"password", b"question")
VARYING = re.compile(rb"-{20,}[0-9a-f]{16}|0x[0-9a-f]+|\d+")
REPEATED = re.compile(rb"^(.*\n)\1+", re.MULTILINE)  # libcurl may complain twice of a name that is not found
EXAMPLE_SOURCES = "/usr/share/doc/libcurl4/examples"  # of Debian's libcurl4-doc


def compile_examples(chosen, into):
    """Unchanged and without looking at warnings, as their readers would. Returns those that cannot be had here."""
    def source(name):
        return os.path.join(EXAMPLE_SOURCES, name + ".c")
    names = [name for names in EXAMPLES.values() for name in names if "example/" + name in chosen]
    compilers = [subprocess.Popen([os.environ.get("CC", "cc"), "-w", source(name), "-o", os.path.join(into, "example-" + name),
                                   "-lcurl", "-lssl", "-lcrypto", "-pthread"], stderr=subprocess.DEVNULL)
                 for name in names if os.path.exists(source(name))]
    for compiler in compilers:
        compiler.wait()
    return {"example/" + name for name in names if not os.path.exists(os.path.join(into, "example-" + name))}


class Peers:
    """The model server's port, nginx in front of it, and what the programs are told of them."""

    def __init__(self, directory, own_network):
        authority = Authority(directory)
        self.model_port, = free_ports(1)
        self.nginx = fronts.Fronts(authority, directory, self.model_port, own_network)
        if own_network:
            fronts.own_names(directory, authority)
        self.words = {name: self.nginx.url(name) for name in fronts.FRONTS}
        self.words.update(direct=f"http://127.0.0.1:{self.model_port}", ca=authority.path("ca.pem"), here=HERE)

    def prepare(self, row, binaries):
        words = dict(self.words, bin=binaries[1] if row.example else binaries[0])
        env = [f"FRONT={words['plain']}", f"LATENCY={row.latency}"]
        if not row.example:
            env.append("CA_FILE=" + words["ca"])
        row.argv = ["/usr/bin/env", *env, *([row.setting] if row.setting else ()), *row.argv]
        row.argv = [re.sub(r"\{([a-z0-9-]+)\}", lambda m: words.get(m[1], m[0]), word) for word in row.argv]


def settle(row, run):
    """Takes out of a run what its row says may be another each time."""
    if row.masked:
        run.stdout, run.stderr = (REPEATED.sub(rb"\1", VARYING.sub(b"#", text)) for text in (run.stdout, run.stderr))
        run.files = {name: (mode, VARYING.sub(b"#", text)) for name, (mode, text) in run.files.items()}
    return run


def leaks(story):
    """Which secrets of the programs' are in a trace."""
    return [f"{secret!r} is in the trace" for secret in SECRETS if secret in story]


def check(options, peers, row, directory):
    """(what is wrong, remarks)."""
    def once(library=None, debug=False):
        return settle(row, e2e.Run(options, row, directory, peers.model_port, library, debug))

    base = once()
    if row.status is None and row.example:
        row.status = base.status
    problems = e2e.judge_native(row, base)
    if problems:
        return problems, []
    run, problems, fast = e2e.judged(lambda: once(None if options.native_only else options.libxcs), row, base)
    problems += leaks(run.story)
    if not fast and not options.native_only:
        problems += e2e.too_slow(row.rounds, run)
    if problems and not options.native_only:
        debug = once(options.libxcs, debug=True)
        problems.append(f"once more with XCS_DEBUG=1 (status {debug.status}, {debug.seconds:.2f} s):")
        problems += e2e.tail("stderr", debug.stderr)
    return problems, [e2e.figures(row, base, run)]


def parse():
    p = tap.parser(__doc__)
    p.add_argument("--native-only", action="store_true", help="twice without XCS: whether the tests can be relied on")
    return tap.parse(p)


def run_rows(options, rows, top, number, outcomes):
    """One worker: every WORKERS-th row, with a network, an nginx and model servers of its own."""
    directory = os.path.join(top, str(number))
    os.mkdir(directory)
    own_network = fronts.own_network()
    missing = compile_examples({name for name, _ in rows}, directory) if own_network else set()
    peers = Peers(directory, own_network)
    processes.become_subreaper()  # after nginx, which has gone to another parent

    def check_row(row, own_directory):
        if row.example and not own_network:
            raise tap.Skip("no network of one's own")
        if row.example and row.name in missing:
            raise tap.Skip("libcurl4-doc is not here")
        peers.prepare(row, (options.bin, directory))
        return check(options, peers, row, own_directory)

    try:
        for place, (name, row) in enumerate(rows):
            outcomes.put(tap.run_row(number + place * WORKERS + 1, name, row, check_row, directory))
    finally:
        peers.nginx.end()


def main():
    options = parse()
    rows = tap.chosen(options, [(row.name, row) for row in ROWS])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that nginx is ended then too
    tap.begin(rows)
    outcomes = multiprocessing.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="xcs-curl-") as top:
        os.chmod(top, 0o755)  # nginx's worker is another user when this runs as root
        workers = [multiprocessing.Process(target=run_rows, args=(options, rows[i::WORKERS], top, i, outcomes))
                   for i in range(min(WORKERS, len(rows)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    counts = collections.Counter()
    while not outcomes.empty():
        counts[outcomes.get()] += 1
    status = tap.end(counts)
    return 1 if any(worker.exitcode for worker in workers) else status


if __name__ == "__main__":
    sys.exit(main())
