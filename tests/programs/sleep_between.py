"""A program that paces its calls."""
import time

from model import ask, say

began = time.monotonic()
for i in range(4):
    say(ask(f"paced {i}"))
    time.sleep(0.1)
say(time.monotonic() - began >= 0.4)
