"""A loop in a loop."""
from model import ask, say

for language in ("French", "German"):
    for i in range(3):
        say(language, ask(f"sentence {i} in {language}"))
