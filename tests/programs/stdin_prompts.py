"""Prompts line by line from standard input."""
import sys

from model import ask, say

for line in sys.stdin:
    say(ask(line.strip()))
