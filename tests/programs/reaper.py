"""A program that is told of all that its children leave behind, as process 1 is: of them, and of nothing else."""
import ctypes
import os

from model import ask, say

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
children = {}
for number in range(3):
    pid = os.fork()
    if pid == 0:
        for i in range(3):
            ask(f"child {number} asks {i}")
        os._exit(number)
    children[pid] = number
while True:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        break
    if children.pop(pid, None) != os.waitstatus_to_exitcode(status):
        say("who was that?")
say(children)
