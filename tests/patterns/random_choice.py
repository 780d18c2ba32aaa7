"""Random choices from a seed: they repeat."""
import random

from model import ask, say

random.seed(7)
for i in range(6):
    say(ask(f"a story about {random.choice(['rain', 'snow', 'wind'])} in {random.randint(1, 999)} words, number {i}"))
