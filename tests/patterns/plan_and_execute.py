"""An answer is a plan: its parts are worked on, and put together."""
import json

from model import ask, say

plan = json.loads(ask("[[json]]plan the report"))
parts = [ask(f"write about {topic}") for topic in plan["tags"]]
say(ask("put together:\n" + "\n".join(parts)))
