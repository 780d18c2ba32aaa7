"""A set of answers, some of them equal."""
from model import ask, say

say(sorted({ask(f"[[say topic {i % 3}]]the topic of text {i}") for i in range(6)}))
