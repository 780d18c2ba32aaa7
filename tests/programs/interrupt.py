"""Interrupted, as if from the keyboard, during the third call, which is a long one."""
import os
import signal

from model import ask, say

signal.signal(signal.SIGALRM, lambda signum, frame: os.kill(os.getpid(), signal.SIGINT))
signal.alarm(1)
try:
    for i in range(6):
        say(ask(f"question {i}" + ("[[latency=4000]]" if i == 2 else "")))
except KeyboardInterrupt:
    say("interrupted during", i)
    raise
