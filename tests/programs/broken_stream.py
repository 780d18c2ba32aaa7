"""Streams that the server breaks off while they are read: all words before that are read, and the break is seen as what it is."""
import json

import requests

from model import HEADERS, URL, call_of, say

session = requests.Session()


def stream(prompt):
    text, end = "", "whole"
    try:
        with session.post(URL + "/chat/completions", json=call_of(prompt, stream=True), headers=HEADERS, stream=True) as response:
            for line in response.iter_lines():
                if line.startswith(b"data: {"):
                    text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
    except requests.RequestException as e:
        end = repr(e)
    say(text, end)


stream("[[latency-ms=50]]something short")
for i, how in enumerate(("drop", "reset", "drop", "reset")):
    stream(f"[[latency-ms={400 * (i + 1)}]][[{how}=700]]tell me about number {i}")
