"""Texts are merged in pairs until one is left, depth first."""
from model import ask, say


def merged(first, last):
    if first == last:
        return f"text {first}"
    middle = (first + last) // 2
    return ask(f"merge: {merged(first, middle)} / {merged(middle + 1, last)}")


say(merged(0, 7))
