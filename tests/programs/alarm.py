"""A timer interrupts the blocked calls."""
import signal

from model import ask, say

ticks = 0


def on_alarm(signum, frame):
    global ticks
    ticks += 1


signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 0.03, 0.03)
for i in range(6):
    say(ask(f"question {i}"))
signal.setitimer(signal.ITIMER_REAL, 0)
say("ticked", ticks >= 2)
