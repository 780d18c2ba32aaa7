"""An answer ends the program."""
import sys

from model import ask, say

for i in range(6):
    answer = ask(f"[[say {'broken' if i == 3 else 'fine'}]]check file {i}")
    say(i, answer)
    if answer == "broken":
        sys.exit(3)
