"""Calls that a program makes from several threads: PROGRAM URL CLIENT HOW [WORKERS]. What is printed is in the program's own order.

pool: after a call in the main thread, many in a pool. gaps: the same, submitted one after another. loops: each thread goes its own way, and
they begin one after another. beside: a thread calls while the main thread does. timer: one call comes in between. queue: what is asked is
brought meanwhile. side: the main thread calculates while another one calls. alternate: two threads take turns. fork: one forks while
another one waits for its answer. end: the program ends while one waits for it.
"""
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from model import ARGS, CLIENT, CLIENTS, ask, call_of, say, text_of

HOW = ARGS[0]
WORKERS = int(ARGS[1]) if len(ARGS) > 1 else 2


def own(prompt):
    """Asked with a client that no other call uses."""
    return text_of(CLIENTS[CLIENT]()("/chat/completions", call_of(prompt)))


def in_threads(body, count, gap=0.0):
    """What body(number) returned in each of `count` threads."""
    results = {}

    def run(number):
        time.sleep(gap * number)
        results[number] = body(number)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(count)]


def pool(gap=0.0):
    say(ask("first"))
    with ThreadPoolExecutor(WORKERS) as workers:
        futures = []
        for i in range(16):
            futures.append(workers.submit(own, f"pooled {i}"))
            time.sleep(gap)
        for future in futures:
            say(future.result())


def loops():
    for answers in in_threads(lambda number: [ask(f"thread {number} asks {i}") for i in range(6)], WORKERS, 0.06):
        say(answers)


def beside():
    """The other thread begins when the answer to the first call is there, and others are on their way."""
    def body(number):
        if number:
            return [ask(f"side {i}") for i in range(3)]
        return [ask(f"main {i} [[latency=200]]" if i else "first") for i in range(5)]
    for answers in in_threads(body, 2, 0.08):
        say(answers)


def timer():
    answers = []
    thread = threading.Timer(0.08, lambda: answers.append(own("timer")))
    thread.start()
    for i in range(8):
        say(ask(f"main {i}" + (" [[latency=200]]" if i == 2 else "")))
    thread.join()
    say(answers)


def from_queue():
    items, answers = queue.Queue(2), {}

    def consume(_):
        while (i := items.get()) is not None:
            answers[i] = own(f"item {i}")

    def produce():
        for i in [*range(10), *[None] * WORKERS]:
            items.put(i)
    in_threads(lambda number: consume(number) if number else produce(), WORKERS + 1)
    for i in sorted(answers):
        say(answers[i])


def side():
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(own(f"side {i}") for i in range(4)), daemon=True)
    thread.start()
    while thread.is_alive():
        sum(i * i for i in range(2000))
        thread.join(0.001)
    say(answers)


def alternate():
    asked, answered = queue.Queue(), queue.Queue()

    def other():
        while (prompt := asked.get()) is not None:
            answered.put(ask(prompt))
    thread = threading.Thread(target=other)
    thread.start()
    for i in range(4):
        say(ask(f"main {i}"))
        asked.put(f"other {i}")
        say(answered.get())
    asked.put(None)
    thread.join()


def end():
    begun = threading.Event()

    def body():
        ask("first")
        begun.set()
        ask("never read [[latency=1000]]")
    threading.Thread(target=body, daemon=True).start()
    begun.wait()
    time.sleep(0.2)
    say("the end")


def fork():
    def slow():
        return [ask(f"slow {i} [[latency=200]]" if i else "first") for i in range(3)]

    def forks():
        for _ in range(6):
            time.sleep(0.06)
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
    for answers in in_threads(lambda number: forks() if number else slow(), 2):
        say(answers)


{"pool": pool, "gaps": lambda: pool(0.01), "loops": loops, "beside": beside, "timer": timer, "queue": from_queue, "side": side,
 "alternate": alternate, "fork": fork, "end": end}[HOW]()
