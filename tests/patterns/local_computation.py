"""Computing of the program's own between the calls, on items and on answers."""
import hashlib
import re

from model import ask, say

total = 0
for i in range(6):
    digest = hashlib.sha256(f"item {i}".encode()).hexdigest()
    answer = ask(f"what is {digest[:8]}, number {sum(j * j for j in range(i * 1000))}?")
    words = re.findall(r"[a-z]+", answer)
    total += len(words)
    say(i, digest[:8], sorted(words))
say(total)
