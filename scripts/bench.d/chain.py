"""Each call needs the one before: nothing to gain, so all that XCS costs shows. Prints the median time of a call in ms."""

import statistics
import sys
import time

import requests

import work

session = requests.Session()
previous = "start"
times = []
for _ in range(work.CALLS):
    request = work.body(0)
    request["messages"][0]["content"] = "Go on from: " + previous
    start = time.perf_counter()
    previous = work.text(session.post(work.URL, json=request).json())[-60:]
    times.append(1000 * (time.perf_counter() - start))
print(previous)
print(statistics.median(times), file=sys.stderr)
