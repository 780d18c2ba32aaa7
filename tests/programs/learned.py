"""Answers that are JSON after some words. In the first loop they are only collected, in the second each is taken apart at once."""
import json

from model import ARGS, ask, say


def found(answer):
    return json.loads(answer[answer.index("{"):])


def question(i):
    return json.dumps({"name": f"item {i}", "size": i, "parts": ["a", "b"]})


count = int(ARGS[0])
for answer in [ask(question(i)) for i in range(count)]:
    say(found(answer)["name"])
for i in range(count, 2 * count):
    item = found(ask(question(i)))
    say(item["name"], item["size"] + 1, len(item["parts"]))
