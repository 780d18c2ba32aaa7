"""After its only call the program forks, and waits for the child."""
import os
import time

from model import ask, say

say(ask("the only question"))
pid = os.fork()
if pid == 0:
    time.sleep(1.5)
    os._exit(3)
say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
