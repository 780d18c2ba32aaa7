"""The same prompt five times is five calls, each with an answer of its own, in order."""
from model import ask, say

for i in range(5):
    say(ask("a name for a cat"))
say(ask("another"))
