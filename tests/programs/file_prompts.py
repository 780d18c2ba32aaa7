"""Prompts line by line from a file."""
from model import ARGS, ask, say

with open(ARGS[0], encoding="utf-8") as lines:
    for line in lines:
        say(ask(line.strip()))
