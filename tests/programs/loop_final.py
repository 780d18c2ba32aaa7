"""Independent calls and a last one on all their answers: two rounds."""
from model import ARGS, ask, say

answers = [ask(f"question {i}") for i in range(int(ARGS[0]))]
say(ask("\n".join(answers)))
