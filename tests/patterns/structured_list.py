"""Answers that are JSON, used without a further call."""
import json

from model import ask, say

for i in range(6):
    found = json.loads(ask(f"[[json]]extract from letter {i}"))
    say(i, found["topic"], found["score"] + 1, sorted(found["tags"]))
