"""Streams of which only the beginning is read, and which stay open: no sign of a program that makes calls at the same time."""
import requests

from model import HEADERS, URL, call_of, say

streams = []
for i in range(8):
    # More than a client's buffer takes at once: the rest stays where it is.
    call = call_of(f"question {i} " + "x" * 20000, stream=True)
    streams.append(requests.post(URL + "/chat/completions", json=call, headers=HEADERS, stream=True))
    say(i, next(streams[-1].iter_lines())[:14])
