"""A loop that collects answers."""
from model import ask, say

answers = []
for i in range(6):
    answers.append(ask(f"review {i}").upper())
say(*answers)
