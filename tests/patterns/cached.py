"""A program that keeps answers and asks only for what it has not yet."""
import functools

from model import ask, say


@functools.lru_cache
def answer(question):
    return ask(question)


for i in range(12):
    say(i, answer(f"question {i % 5}"))
