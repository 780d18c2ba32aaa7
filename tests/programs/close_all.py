"""Closes all descriptors it can think of, as a daemon does."""
import os

from model import ARGS, ask, say

if ARGS[0] == "first":
    os.closerange(3, 65536)
for i in range(6):
    say(ask(f"question {i}"))
    if ARGS[0] == "middle" and i == 2:
        os.closerange(3, 65536)
