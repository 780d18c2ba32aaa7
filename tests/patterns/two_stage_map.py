"""All items through a first stage, then all through a second."""
from model import ask, say

summaries = [ask(f"summarise chapter {i}") for i in range(6)]
translations = [ask(f"translate: {summary}") for summary in summaries]
for translation in translations:
    say(translation)
