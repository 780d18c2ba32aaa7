"""A timer of the program's own ends the wait for an answer, and with it the connection: no call is made twice."""
import signal

from model import ask, say


class TooLong(Exception):
    pass


def on_alarm(signum, frame):
    raise TooLong


signal.signal(signal.SIGALRM, on_alarm)
for i in range(8):
    signal.setitimer(signal.ITIMER_REAL, 0.4 if i else 5)
    try:
        say(ask(f"question {i}" + ("[[latency=8000]]" if i else "")))
    except TooLong:
        say(i, "took too long")
    signal.setitimer(signal.ITIMER_REAL, 0)
