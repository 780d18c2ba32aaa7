"""For each item three workers and a judge that reads all three."""
from model import ask, say

for i in range(3):
    views = [ask(f"as a {role}, assess item {i}") for role in ("lawyer", "doctor", "farmer")]
    say(i, ask("judge:\n" + "\n".join(f"- {view}" for view in views)))
