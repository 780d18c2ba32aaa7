"""Large bodies, in each direction."""
import hashlib

from model import ARGS, ask, say

for i in range(4):
    if ARGS[0] == "request":
        prompt = f"large {i} " + "".join(chr(97 + (i * k) % 26) for k in range(1 << 20))
    else:
        prompt = f"large {i} [[size=10485760]]"
    answer = ask(prompt)
    say(len(answer), hashlib.sha256(answer.encode()).hexdigest())
