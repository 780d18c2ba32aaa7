"""Three threads that hold the interpreter's lock whenever they can."""
import threading

from model import ask, say

stop = False


def spin():
    n = 0
    while not stop:
        n += 1


threads = [threading.Thread(target=spin) for _ in range(3)]
for thread in threads:
    thread.start()
try:
    for i in range(8):
        say(ask(f"busy {i}"))
finally:
    stop = True
    for thread in threads:
        thread.join()
