"""The program must not be able to tell that it has children, threads or descriptors that are not its own."""
import os
import signal

from model import ask, say


def look():
    fd = os.open("/dev/null", os.O_RDONLY)
    say("next descriptor", fd, "tasks", len(os.listdir("/proc/self/task")))
    os.close(fd)
    for wait in (os.wait, lambda: os.waitpid(-1, os.WNOHANG), lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)):
        try:
            say("waited for", wait())
        except ChildProcessError:
            say("no child")


signals = []
signal.signal(signal.SIGCHLD, lambda signum, frame: signals.append(signum))
look()
for i in range(6):
    say(ask(f"question {i}"))
    look()
pid = os.fork()
if pid == 0:
    os._exit(5)
say("own child", os.waitpid(-1, 0)[1] >> 8, "signals", len(signals))
say("children", os.times().children_user < 0.5)
