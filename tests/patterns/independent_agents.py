"""Several agents, one after the other; each is a chain of calls that needs nothing of the others."""
from model import call_of, post, say, text_of


def agent(task, steps):
    call = call_of(f"begin {task}")
    for step in range(steps):
        answer = text_of(post("/chat/completions", call))
        call["messages"].append({"role": "assistant", "content": answer})
        call["messages"].append({"role": "user", "content": f"{task}, step {step + 1}"})
    return answer


for task in ("research", "outline", "budget", "schedule"):
    say(task, agent(task, 3))
