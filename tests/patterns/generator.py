"""A generator: each call is made when its value is asked for."""
from model import ask, say

answers = (ask(f"translate line {i}") for i in range(6))
for answer in answers:
    say(answer)
