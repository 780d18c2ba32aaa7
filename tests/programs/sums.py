"""Answers that are numbers, calculated with; with "fed" each goes into the next call instead. What the loop does to the world half-way
ends the run-ahead there, so that the next one begins with what was learned."""
import os

from model import ARGS, ask, call_of, post, say, text_of

count, fed = int(ARGS[0]), ARGS[1:] == ["fed"]
total = 0
for i in range(count):
    if i == count // 2:
        os.mkdir("half")
    score = text_of(post("/chat/completions", call_of(f"[[say {i * 7 % 10}]]rate item {i}", temperature=0)))
    if fed:
        say(ask(f"explain the score {score} of item {i}"))
    else:
        total += int(score)
        say(i, total)
