"""Several independent calls for each item."""
from model import ask, say

for i in range(3):
    title = ask(f"a title for text {i}")
    summary = ask(f"a summary of text {i}")
    keywords = ask(f"keywords of text {i}")
    say(title, "|", summary, "|", keywords)
