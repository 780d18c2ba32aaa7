"""Another program is run between the calls."""
import subprocess

from model import ask, say

for i in range(3):
    say(ask(f"before {i}"))
    say(ask(f"and {i}"))
    with open("commands.txt", "a", encoding="utf-8") as out:
        subprocess.run(["echo", "ran", str(i)], stdout=out, check=True)
    say(subprocess.run(["sh", "-c", "exit 3"]).returncode)
