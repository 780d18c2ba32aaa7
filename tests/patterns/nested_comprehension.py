"""A table of answers, by a comprehension in a comprehension."""
from model import ask, say

table = [[ask(f"compare {a} and {b}") for b in ("x", "y", "z")] for a in ("p", "q")]
for row in table:
    say(row)
