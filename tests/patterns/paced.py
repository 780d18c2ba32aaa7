"""A program that limits its own rate."""
import time

from model import ask, say

for i in range(6):
    say(i, ask(f"question {i}"))
    time.sleep(0.05)
