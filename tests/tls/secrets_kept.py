"""What must not get out of a run: keys, prompts and private keys, in whatever XCS writes, shows of its processes, or would leave in a
core file. Used by run.py.
"""
import os
import resource
import threading

import processes
from proxy import CREDENTIALS

SECRETS = (b"secret-key-7351", b"secret prompt", b"question 1", b"PRIVATE KEY", *(c.encode() for c in CREDENTIALS.values()))


def allow_cores():
    """For the programs: so that one that does not allow itself any shows."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def _may_dump(pid):
    for line in _read(pid, "limits").splitlines():
        if line.startswith(b"Max core file size"):
            return line.split()[4] not in (b"0", b"1")
    return False


class Eye(threading.Thread):
    """Looks at the processes below the harness while a program runs, servers aside."""

    PATIENCE = 10  # looks; a copy is made before it seals itself, and may have to wait for a processor in between

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server.encode()
        self.over = threading.Event()
        self.problems = set()
        self.engines = set()
        self.copies = set()

    def run(self):
        looks = {}
        while not self.over.wait(0.002):
            for pid, (parent, _) in processes.descendants(os.getpid()).items():
                words = processes.command_line(pid)
                if self.server in words:
                    continue
                shown = b"\0".join(words) + b"\0" + _read(pid, "environ")
                self.problems |= {f"{s!r} is in the command line or environment of {words[:2]}" for s in SECRETS if s in shown}
                ours = self._ours(pid, parent)
                looks[pid] = looks.get(pid, 0) + 1 if ours and _may_dump(pid) else 0
                if looks[pid] > self.PATIENCE:
                    self.problems.add(f"{ours} may leave a core file")

    def _ours(self, pid, parent):
        if processes.is_engine(pid):
            self.engines.add(pid)
            return "the engine"
        if parent != os.getpid() and processes.is_copy(pid, parent):
            self.copies.add(pid)
            return "a run-ahead"
        return None

    def end(self):
        self.over.set()
        self.join()


def leaks(run, eye, engine, copies):
    """What is wrong. `engine`: the run must have had one, and written a trace; `copies`: one must have lived for long enough to be seen."""
    texts = {"stderr": run.stderr, "trace": run.story}
    problems = sorted(eye.problems)
    problems += [f"{secret!r} is in the {name}" for name, text in texts.items() for secret in SECRETS if secret in text]
    if (engine and not (eye.engines and run.story)) or (copies and not eye.copies):
        problems.append(f"{len(eye.engines)} engines, {len(eye.copies)} copies, {len(run.story)} bytes of trace "
                        "seen: this run has tested nothing")
    return problems
