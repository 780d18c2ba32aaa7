"""A loop in which an answer leaves out the rest of an item's calls."""
from model import ask, say

for i in range(6):
    answer = ask(f"[[say {'skip' if i == 2 else 'take'}]]is item {i} of use?")
    if answer == "skip":
        continue
    say(i, answer, ask(f"describe item {i}"))
