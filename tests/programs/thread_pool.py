"""Calls that are concurrent already."""
from concurrent.futures import ThreadPoolExecutor

from model import CLIENT, CLIENTS, call_of, say, text_of


def work(i):
    return text_of(CLIENTS[CLIENT]()("/chat/completions", call_of(f"pooled {i}")))


with ThreadPoolExecutor(8) as pool:
    for line in pool.map(work, range(32)):
        say(line)
