"""For each item a draft that is judged and improved until the judge has enough."""
from model import ask, say

for i in range(2):
    draft = ask(f"draft {i}")
    for turn in range(3):
        verdict = ask(f"[[say {'enough' if turn == 1 else 'more'}]]judge, turn {turn}: {draft}")
        if verdict == "enough":
            break
        draft = ask(f"improve {i}: {draft}")
    say(i, draft)
