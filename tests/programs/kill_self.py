"""Is killed in the middle of its loop."""
import os
import signal

from model import ARGS, ask, say

for i in range(8):
    say(ask(f"question {i}"))
    if i == 3:
        os.kill(os.getpid(), getattr(signal, ARGS[0]))
