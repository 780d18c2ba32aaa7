"""An answer that is JSON, parts of which go into the next call."""
import json

from model import ask, say

for i in range(5):
    found = json.loads(ask(f"[[json]]extract from document {i}"))
    say(i, found["score"], ask(f"explain {found['topic']} and {', '.join(found['tags'])}"))
