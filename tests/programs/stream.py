"""Streamed answers come event by event."""
import requests

from model import HEADERS, URL, call_of, say

session = requests.Session()
for i in range(3):
    call = call_of(f"tell me about number {i}", stream=True)
    with session.post(URL + "/chat/completions", json=call, headers=HEADERS, stream=True) as response:
        for line in response.iter_lines():
            say(line.decode())
