"""Comprehensions that leave items out: some by what is known before the call, some by the answer."""
from model import ask, say

say([ask(f"about {i}") for i in range(6) if i % 4 != 3])
say([i for i in range(4) if ask(f"[[say {'yes' if i % 2 else 'no'}]]is {i} odd?") == "yes"])
