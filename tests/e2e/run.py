#!/usr/bin/python3
"""End-to-end tests: runs each scenario's program without and with XCS, each time against a fresh model server, and
compares what can be seen of it: output, errors, exit status, files, and the requests that the server saw.

Prints TAP. Exit status 1 when anything failed. Needs only the standard library; the programs need what they test.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import processes
import tap
from languages import LANGUAGES
from record import Record, describe, difference
from scenarios import SCENARIOS
from server import Server, free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ENGINE_MIB = 64
LIMIT = 60  # seconds for one run of a program
FINDS = 6  # so many runs at most until a saboteur has found what it is to hurt
AGAIN = 2  # so many runs more where only the speed was missing: the machine may be busy
# Milliseconds that answers take in the run without XCS, at the most: how fast that is tells nothing, and calls that do not overlap
# are as many rounds whatever they take.
NATIVE_LATENCY = 10


class Run:
    """One run of a scenario's program; what it did is in the attributes."""

    def __init__(self, options, scenario, directory, port, library=None, debug=False):
        self.work = os.path.join(directory, "work")
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        for name, text in scenario.files.items():
            with open(os.path.join(self.work, name), "w", encoding="utf-8") as f:
                f.write(text)
        programs = os.path.join(TESTS, "programs")
        fill = {"url": f"http://{scenario.host}:{port}/v1", "programs": programs,
                "patterns": os.path.join(TESTS, "patterns"), "bin": options.bin, "python": "/usr/bin/python3"}
        fill |= {"built": os.path.join(directory, "built"), **{name: shutil.which(name) for name in scenario.needs}}
        argv = [word.format(**fill) for word in scenario.argv]
        env = {"PATH": "/usr/bin:/bin", "HOME": self.work, "LANG": "C.UTF-8", "PYTHONPATH": programs,
               "PYTHONDONTWRITEBYTECODE": "1"}
        self.trace = os.path.join(directory, "story")
        if library:
            env |= {"XCS_TRACE": self.trace, **scenario.env}
            if scenario.launcher:
                argv = [options.xcs, "run", "--", *argv]
            else:
                env["LD_PRELOAD"] = library
        if debug:
            env["XCS_DEBUG"] = "1"
        as_long = library or scenario.timed or scenario.inert
        self.latency = scenario.latency if as_long else min(scenario.latency, NATIVE_LATENCY)
        program = os.path.join(HERE, "odd_server.py") if scenario.odd else options.server
        flags = ("--way", scenario.odd) if scenario.odd else scenario.server
        server = Server(program, directory, "--latency-ms", str(self.latency), *flags, port=port)
        try:
            self._run(scenario, argv, env, directory, server, library)
        finally:
            server.end()
        self.record = Record(server.log)
        self.files = self._files()
        self.story = self._story()

    def _run(self, scenario, argv, env, directory, server, library):
        names = [os.path.join(directory, "stdout"), os.path.join(directory, "stderr")]
        files = [open(name, "wb") for name in names]
        outputs = [subprocess.PIPE] * 2 if scenario.pipe else files
        stdin = subprocess.PIPE if scenario.stdin is not None else subprocess.DEVNULL
        began = time.monotonic()
        process = subprocess.Popen(argv, cwd=self.work, env=env, stdin=stdin, stdout=outputs[0], stderr=outputs[1],
                                   start_new_session=True)
        saboteur = processes.Saboteur(process.pid, *scenario.sabotage) if library and scenario.sabotage else None
        if saboteur:
            saboteur.start()
        self.watch = processes.Watch() if library and scenario.watch else None
        if self.watch:
            self.watch.start()
        self.timed_out = False
        # A thread ends what hangs: communicate() with a limit of its own would poll, and blur the time taken.
        guard = threading.Timer(LIMIT, self._give_up, [process])
        guard.start()
        piped = process.communicate(scenario.stdin.encode() if scenario.stdin is not None else None)
        self.seconds = time.monotonic() - began
        guard.cancel()
        self.status = process.returncode
        self.sabotaged = saboteur.end() if saboteur else 0
        if self.watch:
            self.watch.end()
        self.left, self.orphans = processes.leftovers({server.process.pid})
        for f in files:
            f.close()
        if scenario.pipe:
            self.stdout, self.stderr = (part or b"" for part in piped)
        else:
            self.stdout, self.stderr = (open(name, "rb").read() for name in names)

    def _story(self):
        """What the engine says of this very run: what goes wrong once in a hundred runs does not in the next."""
        if not os.path.exists(self.trace):
            return b""
        with open(self.trace, "rb") as f:
            story = f.read()
        os.unlink(self.trace)
        return story

    def _give_up(self, process):
        self.timed_out = True
        for pid in processes.descendants(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()

    def _files(self):
        """{name: (kind, mode, content)} of everything in the working directory."""
        found = {}
        for top, directories, files in os.walk(self.work):
            for name in directories + files:
                path = os.path.join(top, name)
                info = os.lstat(path)
                content = open(path, "rb").read() if name in files and os.path.isfile(path) else b""
                key = os.path.relpath(path, self.work)
                found[key] = (oct(info.st_mode), content)
        return found


def compare_output(name, base, other):
    if base == other:
        return []
    at = next((i for i, (a, b) in enumerate(zip(base, other)) if a != b), min(len(base), len(other)))
    return [f"{name} differs at byte {at} ({len(base)} bytes without, {len(other)} with)",
            f"  without: {base[max(0, at - 60):at + 160]!r}", f"  with:    {other[max(0, at - 60):at + 160]!r}"]


def compare_requests(scenario, base, other):
    problems = []
    seen = [run.record.anonymous() if scenario.varies else run.record.multiset() for run in (base, other)]
    missing, extra = difference(*seen)
    if sum(missing.values()) > scenario.saved:
        problems += [f"{sum(missing.values())} requests missing with XCS", *("  " + line for line in describe(missing))]
    if sum(extra.values()) > scenario.wasted:
        problems += [f"{sum(extra.values())} requests too many with XCS ({scenario.wasted} allowed)",
                     *("  " + line for line in describe(extra))]
    problems += [f"a placeholder reached the server: {body[:200]}" for body in other.record.placeholders()]
    if scenario.order and base.record.in_order() != other.record.in_order():
        problems.append("requests arrived in another order with XCS")
    if not scenario.wasted and base.record.places() != other.record.places():
        problems.append("other requests not at their place")
        problems.append(f"  without: {base.record.places()}")
        problems.append(f"  with:    {other.record.places()}")
    return problems


def judge_native(scenario, run):
    problems = []
    if run.timed_out:
        problems.append("timed out")
    if run.status != (scenario.status or 0):
        problems.append(f"exit status {run.status}, expected {scenario.status or 0}")
    if scenario.calls is not None and len(run.record.requests) != scenario.calls:
        problems.append(f"{len(run.record.requests)} calls, expected {scenario.calls}")
    if run.left:
        problems += ["processes left: ", *run.left]
    if problems:
        problems += tail("stdout", run.stdout) + tail("stderr", run.stderr)
    return problems


def judge(scenario, base, run):
    """What is wrong, but for its speed."""
    problems = []
    if run.timed_out:
        problems.append(f"timed out with XCS after {LIMIT} s")
    if base.status != run.status:
        problems.append(f"exit status {base.status} without, {run.status} with")
    problems += compare_output("stdout", base.stdout, run.stdout)
    problems += compare_output("stderr", base.stderr, run.stderr)
    for name in sorted(base.files.keys() | run.files.keys()):
        if base.files.get(name) != run.files.get(name):
            problems.append(f"file {name} differs")
            problems.append(f"  without: {str(base.files.get(name))[:100]}")
            problems.append(f"  with:    {str(run.files.get(name))[:100]}")
    problems += compare_requests(scenario, base, run)
    if scenario.pace and run.record.pace() < scenario.pace:
        problems.append(f"calls began {run.record.pace():.0f} ms after one another, allowed are {scenario.pace}")
    if run.left:
        problems += [f"{len(run.left)} processes left behind", *("  " + line for line in run.left)]
    sequential = base.seconds + len(base.record.model_calls()) * (run.latency - base.latency) / 1000
    if scenario.slower and run.seconds > sequential * scenario.slower + 0.5:
        problems.append(f"{run.seconds:.2f} s with, {sequential:.2f} s without")
    if scenario.sabotage and not run.sabotaged:
        problems.append("nothing was there to be hurt: this run has tested nothing")
    if scenario.inert and run.record.rounds() != base.record.rounds():
        problems.append("XCS was not off")
    if run.watch and run.watch.zombies:
        problems.append(f"zombies that stayed: {sorted(run.watch.zombies)}")
    if run.watch and run.watch.engine_mib > ENGINE_MIB:
        problems.append(f"the engine took {run.watch.engine_mib:.0f} MiB, allowed are {ENGINE_MIB}")
    return problems and problems + tail("trace", run.story)


def too_slow(wanted, run):
    return [f"{run.record.rounds()} rounds, {wanted} wanted", *tail("trace", run.story)]


def in_time(scenario, base, run, last):
    """Was it fast enough? The last try has a wide margin: then the machine is busy, and parallel is enough."""
    most = scenario.rounds
    if most is not None and last:
        most = max(most, min(2 * most + 1, base.record.rounds() // 2))
    return most is None or run.record.rounds() <= most


def tail(name, data, lines=40):
    text = data.decode(errors="replace").splitlines()[-lines:]
    return [f"{name}| {line[:300]}" for line in text]


def figures(scenario, base, run):
    text = (f"{base.seconds:.2f} s at {base.latency} ms, {run.seconds:.2f} s with at {run.latency} ms; rounds {base.record.rounds()}, "
            f"{run.record.rounds()} with; at once {run.record.most_at_once()}; "
            f"requests {len(base.record.requests)}, {len(run.record.requests)} with")
    if run.orphans:
        text += f"; {run.orphans} ended after the program"
    if run.watch:
        text += f"; engine {run.watch.engine_mib:.0f} MiB"
    if scenario.sabotage:
        text += f"; {run.sabotaged} hurt"
    return text


def sabotaged(scenario, once):
    """A run in which that which is to be hurt was met: on a busy machine it may be gone before it is found."""
    for _ in range(FINDS):
        run = once()
        if run.sabotaged or not scenario.sabotage:
            break
    return run


def judged(once, scenario, base):
    """A run with XCS, and others where only the speed was missing: (the last one, what is wrong, was it in time)."""
    for turn in range(1 + AGAIN):
        run = sabotaged(scenario, once)
        problems = judge(scenario, base, run)
        fast = in_time(scenario, base, run, turn == AGAIN)
        if problems or fast:
            break
    return run, problems, fast


def prepare(scenario, directory):
    """What a scenario needs besides the tests' own; Skip where that is not there."""
    for name in scenario.needs:
        if not shutil.which(name):
            raise tap.Skip(f"no {name} here")
    if scenario.build:
        fill = {"built": os.path.join(directory, "built"), "programs": os.path.join(TESTS, "programs")}
        os.mkdir(fill["built"])
        subprocess.run([word.format(**fill) for word in scenario.build], check=True)


def run_scenario(options, scenario, directory):
    """(what is wrong, remarks)."""
    prepare(scenario, directory)
    port, = free_ports(1)
    base = Run(options, scenario, directory, port)
    problems = judge_native(scenario, base)
    if problems or options.native_only:
        return problems, [f"{base.seconds:.2f} s; rounds {base.record.rounds()}; requests {len(base.record.requests)}"]
    library = options.libxcs
    if scenario.lone:
        library = shutil.copy(os.path.realpath(library), os.path.join(directory, "libxcs.so"))
    remarks, fast = [], 0
    for turn in range(scenario.repeat + AGAIN):
        if turn >= scenario.repeat and (problems or fast >= scenario.fast):
            break
        run = sabotaged(scenario, lambda: Run(options, scenario, directory, port, library))
        problems += judge(scenario, base, run)
        fast += in_time(scenario, base, run, turn == scenario.repeat + AGAIN - 1)
        remarks.append(figures(scenario, base, run))
    if fast < scenario.fast:
        problems += too_slow(f"{scenario.rounds} or fewer in {scenario.fast} of {len(remarks)} runs", run)
    if problems:
        debug = Run(options, scenario, directory, port, library, debug=True)
        problems.append(f"once more with XCS_DEBUG=1 (status {debug.status}, {debug.seconds:.2f} s):")
        problems += tail("stderr", debug.stderr)
    return problems, remarks


def parse(description):
    p = tap.parser(description)
    p.add_argument("--repeat", type=int, default=1, help="the whole selection this many times")
    p.add_argument("--native-only", action="store_true", help="only try the programs, without XCS")
    return tap.parse(p)


def main(scenarios, description):
    """Runs a table of scenarios; the exit status."""
    options = parse(description)
    rows = tap.chosen(options, [(s.name, s) for s in scenarios]) * options.repeat
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored, and would be by the programs
    processes.become_subreaper()
    with tempfile.TemporaryDirectory(prefix="xcs-e2e-") as top:
        return tap.run(rows, lambda scenario, directory: run_scenario(options, scenario, directory), top)


if __name__ == "__main__":
    sys.exit(main(SCENARIOS + LANGUAGES, __doc__))
