"""Answers go to a file each, to a common file and to standard output as they come."""
import os

from model import ask, say

os.mkdir("answers")
with open("all.txt", "a", encoding="utf-8") as common:
    for i in range(8):
        answer = ask(f"question {i}")
        with open(f"answers/{i}.txt", "w", encoding="utf-8") as out:
            out.write(answer + "\n")
        common.write(f"{i}: {answer}\n")
        common.flush()
        say("wrote", i)
os.rename("all.txt", "done.txt")
