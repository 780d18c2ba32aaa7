"""Answers that are errors: the program sees each of them at its place, and they do not stop it."""
import requests

from model import ARGS, HEADERS, URL, call_of, say

session = requests.Session()
for i in range(6):
    prompt = f"question {i}" + (f"[[{ARGS[0]}]]" if i in (2, 3) else "")
    try:
        response = session.post(URL + "/chat/completions", json=call_of(prompt), headers=HEADERS, timeout=10)
        say(i, response.status_code, sorted(response.headers.items()), response.text)
    except requests.RequestException as error:
        say(i, type(error).__name__)
