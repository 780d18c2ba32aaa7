"""An answer chooses which expert is asked about the item."""
from model import call_of, post, say, text_of

EXPERTS = {"maths": "You are a mathematician.", "code": "You write programs."}


def ask(system, prompt):
    call = call_of(prompt)
    call["messages"].insert(0, {"role": "system", "content": system})
    return text_of(post("/chat/completions", call))


for i in range(6):
    kind = ask("You tell kinds of questions.", f"[[say {'maths' if i % 2 else 'code'}]]question {i}")
    say(i, kind, ask(EXPERTS.get(kind, "You know something of everything."), f"question {i}"))
