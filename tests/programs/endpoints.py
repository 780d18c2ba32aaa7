"""The three kinds of model call, mixed."""
from model import call_of, post, say, text_of

for i in range(3):
    say(text_of(post("/chat/completions", call_of(f"chat {i}", n=2))))
    say(post("/completions", {"model": "m", "prompt": f"complete {i}"})["choices"][0]["text"])
    say(post("/embeddings", {"model": "m", "input": [f"embed {i}", "other"]})["data"][1]["embedding"])
