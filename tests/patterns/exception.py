"""One of the calls fails; the program notes it and goes on."""
from model import ask, say

for i in range(6):
    try:
        say(i, ask(f"question {i}{'[[status=400]]' if i == 2 else ''}"))
    except KeyError as error:
        say(i, "no answer:", error)
