"""A streamed answer that was asked for early is read as it arrives: its first words are there long before the last."""
import json
import time

import requests

from model import HEADERS, URL, call_of, say

session = requests.Session()


def stream(prompt):
    began, first, text = time.monotonic(), None, ""
    call = call_of(prompt, stream=True)
    with session.post(URL + "/chat/completions", json=call, headers=HEADERS, stream=True) as response:
        for line in response.iter_lines():
            if line.startswith(b"data: {"):
                first = first or time.monotonic()
                text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
    return text, (time.monotonic() - first) / (time.monotonic() - began)


text, _ = stream("[[latency-ms=50]]something short")
say(text)
for i in range(2):
    text, rest = stream(f"[[latency-ms={500 + 500 * i}]]tell me about number {i}")
    say(text, "as it arrives" if rest > 0.2 else "all at once")
