"""For each item a call on the answer of another: the chains are independent of each other."""
from model import ask, say

for i in range(4):
    draft = ask(f"draft {i}")
    say(i, ask(f"improve: {draft.strip().title()}"))
