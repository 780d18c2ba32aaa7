"""Independent calls; each answer is printed as it comes."""
from model import ARGS, ask, say

for i in range(int(ARGS[0])):
    say(i, ask(f"question {i}"))
