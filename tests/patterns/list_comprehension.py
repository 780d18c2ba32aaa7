"""A list of independent answers."""
from model import ask, say

say([ask(f"translate word {i}") for i in range(6)])
