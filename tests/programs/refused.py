"""Goes on when an answer is an error: how many calls."""
from model import ARGS, call_of, post, say

for i in range(int(ARGS[0])):
    say(i, *post("/chat/completions", call_of(f"question {i}")))
