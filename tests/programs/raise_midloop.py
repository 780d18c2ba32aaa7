"""Fails on an answer in the middle of its loop."""
from model import ask, say

for i in range(8):
    say(ask(f"question {i}"))
    if i == 3:
        raise ValueError("third strike")
