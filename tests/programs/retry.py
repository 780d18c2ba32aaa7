"""The user's own retry loop around the answers that ask for one."""
import sys
import time

import requests

from model import ARGS, HEADERS, URL, call_of, say, text_of

session = requests.Session()
for i in range(6):
    prompt = f"question {i}" + (f"[[fail-first={ARGS[0]}]][[retry-after=0]]" if i % 2 else "")
    for attempt in range(5):
        response = session.post(URL + "/chat/completions", json=call_of(prompt), headers=HEADERS)
        if response.status_code == 200:
            break
        time.sleep(0.05)
    else:
        sys.exit(f"no answer to {i}")
    say(i, text_of(response.json()))
