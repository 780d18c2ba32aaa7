"""The user's own retries around a server's error."""
from model import call_of, post, say, text_of

for i in range(6):
    prompt = f"question {i}{'[[fail-first=500]]' if i == 2 else ''}"
    for attempt in range(3):
        answer = post("/chat/completions", call_of(prompt))
        if "error" not in answer:
            say(i, text_of(answer))
            break
