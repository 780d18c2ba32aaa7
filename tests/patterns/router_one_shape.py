"""An answer chooses the next call, and all calls look alike but for their prompts."""
from model import ask, say

PROMPTS = {"maths": "calculate {}", "code": "write a program for {}"}
for i in range(6):
    kind = ask(f"[[say {'maths' if i % 2 else 'code'}]]what kind of question is {i}?")
    prompt = PROMPTS.get(kind, "answer {}")
    say(i, kind, ask(prompt.format(i)))
