"""Pauses for longer than the server keeps an idle connection (1.6 s, or those given); connects anew when that fails."""
import ssl
import time

import model

PAUSE = float(model.ARGS[0]) if model.ARGS else 1.6

for i in range(5):
    try:
        model.say(model.ask(f"question {i}"))
    except (ConnectionError, ssl.SSLError):
        model.post = model.CLIENTS[model.CLIENT]()
        model.say(model.ask(f"question {i}"))
    if i % 2:
        time.sleep(PAUSE)
