"""Each answer in a directory of its own, which is made when it is there; answers that are there already are read."""
import json
import pathlib

from model import ask, say

for i in range(10):
    place = pathlib.Path("answers") / f"{i % 8:02}"
    answer = place / "answer.json"
    if not answer.exists():
        text = ask(f"question {i % 8}")
        place.mkdir(parents=True, exist_ok=True)
        answer.write_text(json.dumps({"answer": text}), encoding="utf-8")
    say(json.loads(answer.read_text(encoding="utf-8"))["answer"])
