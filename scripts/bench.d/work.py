"""What all Python programs of the benchmark share: the requests, and how the answers are printed."""

import sys

URL = sys.argv[1] + "/v1/chat/completions"
CALLS = int(sys.argv[2])
CONCURRENCY = 64


def body(number):
    return {"model": "bench", "messages": [{"role": "user", "content": f"Question number {number}."}]}


def text(answer):
    return answer["choices"][0]["message"]["content"]


def show(texts):
    for number, line in enumerate(texts):
        print(number, line)
