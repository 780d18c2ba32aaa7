"""A program with much resident memory: copying it takes time, and must still pay."""
from model import ARGS, ask, say

ballast = b"x" * (int(ARGS[0]) << 20)
for i in range(8):
    say(ask(f"question {i}"), len(ballast) + i)
