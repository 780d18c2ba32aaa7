"""Asks again where an answer is not JSON, and draws a number before each call, as SDKs do to name it. The first copy knows nothing of
answers yet and goes that way; main does not."""
import json
import os

from model import ask, say


def structured(prompt):
    for attempt in range(3):
        os.urandom(8)
        try:
            return json.loads(ask(f"{prompt}, attempt {attempt} [[json]]"))
        except json.JSONDecodeError:
            pass
    raise SystemExit("no JSON")


for i in range(8):
    say(structured(f"item {i}")["topic"])
