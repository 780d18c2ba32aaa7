"""A random number in each request: none can be foreseen."""
import uuid

from model import call_of, post, say, text_of

for i in range(12):
    answer = post("/chat/completions", call_of(f"question {i}", user=str(uuid.uuid4())))
    say(i, len(text_of(answer)))
