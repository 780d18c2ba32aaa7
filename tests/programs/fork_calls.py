"""Children of the program make calls too, by fork and by multiprocessing."""
import multiprocessing
import os

from model import ARGS, CLIENT, CLIENTS, call_of, say, text_of


def work(name):
    post = CLIENTS[CLIENT]()
    return [text_of(post("/chat/completions", call_of(f"{name} {i}"))) for i in range(3)]


say(work("parent"))
if ARGS[0] == "fork":
    pid = os.fork()
    if pid == 0:
        say(work("child"))
        os._exit(7)
    say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        say(pool.map(work, ["left", "right"]))
say(work("after"))
