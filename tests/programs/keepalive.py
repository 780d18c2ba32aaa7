"""Pauses for longer than the server keeps an idle connection; connects anew when that fails."""
import ssl
import time

import model

for i in range(5):
    try:
        model.say(model.ask(f"question {i}"))
    except (ConnectionError, ssl.SSLError):
        model.post = model.CLIENTS[model.CLIENT]()
        model.say(model.ask(f"question {i}"))
    if i % 2:
        time.sleep(1.6)
