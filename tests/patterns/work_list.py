"""A list of work that grows: each call's place in it is known, its answer is not used for it."""
from model import ask, say

work = ["chapter 1", "chapter 2"]
while work:
    item = work.pop(0)
    say(item, ask(f"summarise {item}"))
    if item.count(".") == 0:
        work += [f"{item}.{part}" for part in (1, 2)]
