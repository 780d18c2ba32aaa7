"""A loop that an answer ends, and a call after it."""
from model import ask, say

for i in range(8):
    answer = ask(f"[[say {'found' if i == 4 else 'nothing'}]]look at page {i}")
    say(i, answer)
    if answer == "found":
        break
say(ask(f"why page {i}?"))
