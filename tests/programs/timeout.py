"""The program's own limit is shorter than the server's latency for one of the calls."""
from model import ask, say

for i in range(6):
    try:
        say(ask(f"question {i}" + ("[[latency=2000]]" if i == 3 else ""), timeout=0.6))
    except Exception as error:
        say(i, type(error).__name__)
