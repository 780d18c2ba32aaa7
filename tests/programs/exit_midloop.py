"""Ends in the middle of its loop with a status of its own."""
import os
import sys

from model import ARGS, ask, say

for i in range(8):
    say(ask(f"question {i}"))
    if i == 3:
        (os._exit if ARGS[0] == "at-once" else sys.exit)(42)
