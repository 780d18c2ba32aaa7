"""Each call needs the answer before it: must stay sequential."""
from model import ARGS, ask, say

answer = "start"
for i in range(int(ARGS[0])):
    answer = ask(f"step {i}: {answer}")
say(answer)
