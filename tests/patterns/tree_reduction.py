"""Texts are merged in pairs until one is left, level by level."""
from model import ask, say

texts = [f"text {i}" for i in range(8)]
while len(texts) > 1:
    texts = [ask(f"merge: {a} / {b}") for a, b in zip(texts[::2], texts[1::2])]
say(texts[0])
