"""Files written between calls and read back by path; looked at, sought in, cut, renamed and removed."""
import os

from model import ask, say

directory = "parts"
os.mkdir(directory)
for i in range(5):
    path = os.path.join(directory, f"part{i}")
    with open(path, "w+", encoding="ascii") as out:
        out.write("x" * 100 + f"|{i}")
        out.flush()
        out.seek(100)
        tail = out.read()
        out.truncate(50)
    with open(path, encoding="ascii") as back:
        text = back.read()
    say(os.stat(path).st_size, tail, len(text), os.path.exists(path))
    say(ask(f"question {i} after {text[:3]}{tail}"))
    with open(path, "a", encoding="ascii") as out:
        out.write("more")
say([(n, os.path.getsize(os.path.join(directory, n))) for n in sorted(os.listdir(directory))])
for name in os.listdir(directory):
    os.unlink(os.path.join(directory, name))
os.rmdir(directory)
with open("kept.txt", "w", encoding="ascii") as kept:
    kept.write("kept\n")
