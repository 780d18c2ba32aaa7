"""An agent: thinks, acts, observes, until it says that it is done. Each call needs all before it."""
from model import call_of, post, say, text_of

TOOLS = {"weather": lambda day: f"rain on {day}", "calendar": lambda day: f"nothing on {day}"}
call = call_of("[[say weather monday]]plan my week")
following = ["[[say calendar monday]]", "[[say weather tuesday]]", "[[say calendar tuesday]]", "[[say done]]"]
while True:
    action = text_of(post("/chat/completions", call))
    say(action)
    if action == "done":
        break
    tool, _, day = action.partition(" ")
    seen = TOOLS.get(tool, lambda day: "no such tool")(day)
    call["messages"].append({"role": "assistant", "content": action})
    call["messages"].append({"role": "user", "content": f"observed: {seen}{following.pop(0)}"})
