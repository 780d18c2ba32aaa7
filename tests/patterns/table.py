"""The table of patterns: how programs use a model, with how many rounds of calls each must take and what it may waste.

Rounds: the longest chain of calls one after the other that the model server saw. Without XCS it is the number of
calls, and the least possible is the depth of the program's data flow. Wasted: calls that the sequential program does not make.
"""
from scenarios import Scenario

LATENCY = 150
NOTES = "cats purr\ndogs bark\nbirds sing\nfish are silent\nall animals eat\n"


def pattern(program, calls, rounds, wasted=0, client="http.client", **more):
    """One row: the program's name, how many calls it makes, the rounds it must take and the most it may waste."""
    name, _, kind = program.partition(".")
    command = {"": ["{python}", f"{{patterns}}/{name}.py", "{url}", client], "rb": ["ruby"], "pl": ["perl"],
               "php": ["php"], "c": [f"{{bin}}/{name}", "{url}"]}[kind]
    if len(command) == 1:
        command += [f"{{patterns}}/{program}", "{url}"]
    title = program.replace("_", "-") + ("" if client == "http.client" else "/" + client)
    return Scenario(title, command, **{"calls": calls, "rounds": rounds, "wasted": wasted,
                                                           "latency": LATENCY, **more})


PATTERNS = [
    # What a loop can look like: all calls are independent.
    pattern("list_comprehension", 6, 1),
    pattern("list_comprehension", 6, 1, client="requests", latency=300),
    pattern("generator", 6, 1),
    pattern("dict_comprehension", 6, 1),
    pattern("set_comprehension", 6, 1),
    pattern("nested_comprehension", 6, 1),
    pattern("conditional_comprehension", 9, 1),
    pattern("append_loop", 6, 1),
    pattern("several_calls", 9, 1),
    pattern("nested_loops", 6, 1),
    pattern("map_functions", 6, 1),
    pattern("work_list", 6, 1),
    pattern("self_consistency", 6, 1, server=("--count-equal",)),
    pattern("local_computation", 6, 1),
    pattern("cached", 5, 1),
    pattern("retrieval", 6, 1, files={"notes.txt": NOTES}),
    pattern("random_choice", 6, 1),
    pattern("date_in_prompt", 6, 1),
    # An answer decides what comes next.
    pattern("break_on_answer", 6, 2, wasted=4),
    pattern("continue_on_answer", 11, 1, wasted=1),
    pattern("early_exit", 4, 1, wasted=2, status=3),
    pattern("router", 12, 2, wasted=6),
    pattern("router_one_shape", 12, 2, wasted=6),
    # Calls that need answers.
    pattern("two_stage_map", 12, 2),
    pattern("tree_reduction", 7, 3),
    pattern("f_of_g", 8, 2),
    pattern("f_of_g", 8, 2, client="session", latency=300),
    pattern("workers_judge", 12, 2),
    pattern("independent_agents", 12, 3),
    pattern("tree_recursion", 7, 3),
    pattern("plan_and_execute", 4, 3),
    pattern("refinement", 8, 4, wasted=4),
    pattern("agent_loop", 5, 5, order=True),
    # Answers that are JSON: what they look like is known from the second on.
    pattern("structured_list", 6, 2),
    pattern("structured_output", 10, 3),
    # What goes wrong, what cannot be foreseen, what must not be hurried.
    pattern("exception", 6, 2, wasted=1),
    pattern("retry", 7, 2),
    pattern("uuid_in_body", 12, 12, wasted=8, varies=True),
    pattern("paced", 6, 2, latency=300, pace=30),
    # In other languages.
    pattern("two_stage_map.rb", 12, 2),
    pattern("workers_judge.rb", 12, 2),
    pattern("independent_agents.pl", 12, 3),
    pattern("structured_output.php", 10, 3),
    pattern("f_of_g.c", 8, 2),
]
