"""A call of another kind between model calls: must be made once, and at its place."""
from model import ask, post, say

for i in range(3):
    say(ask(f"one {i}"))
    say(ask(f"two {i}"))
    say(post("/tool/save", {"item": i})["length"])
say(ask("last"))
