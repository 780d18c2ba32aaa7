"""For each question the lines of a local file that fit it go into the prompt."""
from model import ask, say

for question in ("cats and dogs", "dogs and birds", "birds", "fish and cats", "snakes", "all animals"):
    words = set(question.split())
    with open("notes.txt", encoding="utf-8") as notes:
        found = [line.strip() for line in notes if words & set(line.split())]
    say(question, len(found), ask("\n".join([*found, question])))
