"""Processes below the harness, as /proc shows them: finding XCS's own, hurting them, and seeing that none is left.

The harness is made a subreaper, so that whatever a run leaves behind becomes its child and cannot hide.
Only processes that descend from the harness are ever looked at or signalled.
"""
import ctypes
import os
import signal
import threading
import time

PR_SET_CHILD_SUBREAPER = 36

servers = set()  # of the tests', that outlive a run


def become_subreaper():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid):
    """(parent, state), or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            state, parent = f.read().rpartition(")")[2].split()[:2]
            return int(parent), state
    except OSError:
        return None


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().rstrip(b"\0").split(b"\0")
    except OSError:
        return []


def _executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def descendants(root, without=()):
    """{pid: (parent, state)} of everything below `root`, except what is in `without`."""
    table = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    found = {}
    grown = True
    while grown:
        grown = False
        for pid, stat in table.items():
            if stat and pid not in found and pid not in without and (stat[0] == root or stat[0] in found):
                found[pid] = stat
                grown = True
    return found


def is_engine(pid):
    words = command_line(pid)
    return len(words) >= 2 and os.path.basename(words[0]) == b"xcs" and words[1] == b"engine"


def _shares_memory(a, b):
    """Whether two processes have one address space (the engine's holder and main have); true when one is gone."""
    kcmp = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
    return ctypes.CDLL(None).syscall(kcmp, a, b, 1, 0, 0) in (0, -1)


def is_copy(pid, main):
    return (command_line(pid), _executable(pid)) == (command_line(main), _executable(main)) and \
        not _shares_memory(pid, main)


def find(kind, main):
    """The processes of a kind: "engine", "holder" (the engine's parent) or "ahead" (copies of main)."""
    below = descendants(os.getpid())
    engines = [pid for pid in below if is_engine(pid)]
    holders = [below[pid][0] for pid in engines if below[pid][0] not in (main, os.getpid())]
    if kind == "engine":
        return engines
    if kind == "holder":
        return holders
    return [pid for pid, (parent, state) in below.items()
            if parent == main and state != "Z" and pid not in holders and is_copy(pid, main)]


class Saboteur(threading.Thread):
    """Sends a signal to all processes of a kind, beginning `after` seconds after the first of them was seen, until
    it is told to end or, with `once`, has done it once."""

    def __init__(self, main, kind, signum, after, once=False):
        super().__init__(daemon=True)
        self.main, self.kind, self.signum, self.after, self.once = main, kind, signum, after, once
        self.hit = set()
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.005) and not find(self.kind, self.main):
            pass
        self.over.wait(self.after)
        while not self.over.is_set() and not (self.once and self.hit):
            for pid in find(self.kind, self.main):
                if pid not in self.hit:
                    try:
                        os.kill(pid, self.signum)
                        self.hit.add(pid)
                    except ProcessLookupError:
                        pass
            self.over.wait(0.005)

    def end(self):
        self.over.set()
        self.join()
        return len(self.hit)


class Watch(threading.Thread):
    """Looks at the processes of a run while it lasts: zombies that stay, and the most memory the engine had (MiB)."""

    PATIENCE = 1.0

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.zombies = set()
        self.engine_mib = 0.0

    def run(self):
        since = {}
        while not self.over.wait(0.05):
            dead = {pid for pid, (_, state) in descendants(os.getpid()).items() if state == "Z"}
            since = {pid: since.get(pid, time.monotonic()) for pid in dead}
            self.zombies |= {pid for pid, when in since.items() if time.monotonic() - when > self.PATIENCE}
            for pid in find("engine", 0):
                try:
                    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                        peak = [line.split()[1] for line in f if line.startswith("VmHWM")]
                    self.engine_mib = max([self.engine_mib, *(int(kib) / 1024 for kib in peak)])
                except OSError:
                    pass

    def end(self):
        self.over.set()
        self.join()


def leftovers(own, patience=2.0):
    """What is still alive below the harness after a run, as text; kills it. Reaps what has ended; says how many did."""
    deadline = time.monotonic() + patience
    reaped = 0
    while True:
        below = descendants(os.getpid(), without=own | servers)
        for pid, (parent, state) in list(below.items()):
            if state == "Z" and parent == os.getpid():
                try:
                    os.waitpid(pid, os.WNOHANG)
                    reaped += 1
                except ChildProcessError:
                    pass
                del below[pid]
        if not below or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    texts = []
    for pid, (parent, state) in below.items():
        words = b" ".join(command_line(pid)).decode(errors="replace")
        texts.append(f"pid {pid} parent {parent} state {state}: {words[:120]}")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if below:
        leftovers(own, 1.0)
    return texts, reaped
