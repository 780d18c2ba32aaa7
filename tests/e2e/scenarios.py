"""The table of end-to-end scenarios: one row, one promise. run.py runs each without and with XCS and compares.

Names are "family/what". In an argv, {url} is the server's address, {programs} this test's programs, {patterns} those of the
pattern suite, {bin} the compiled ones and {python} the interpreter.
"""
import dataclasses
import errno
import os
import signal
from typing import Optional


@dataclasses.dataclass
class Scenario:
    name: str
    argv: list
    files: dict = dataclasses.field(default_factory=dict)  # name -> text, in the working directory
    stdin: Optional[str] = None    # fed through a pipe
    server: tuple = ()             # flags of the model server
    odd: Optional[str] = None      # the way of odd_server.py, which takes the model server's place
    latency: int = 100             # milliseconds, with XCS
    timed: bool = False            # what it does depends on them: answers take as long without XCS
    rounds: Optional[int] = None   # with XCS at most this many rounds of model calls
    order: bool = False            # requests arrive in the order in which they do without XCS
    wasted: int = 0                # requests that XCS may add
    saved: int = 0                 # requests that XCS may leave out
    slower: Optional[float] = None  # with XCS at most this factor slower (and half a second)
    repeat: int = 1
    fast: int = 1                  # in how many of the repetitions `rounds` must hold
    sabotage: Optional[tuple] = None  # (kind, signal, after seconds, once)
    lone: bool = False             # libxcs.so without xcs beside it
    pipe: bool = False             # outputs are pipes, not files
    watch: bool = False            # no zombie stays, the engine stays small
    host: str = "127.0.0.1"
    env: dict = dataclasses.field(default_factory=dict)  # only with XCS
    launcher: bool = False         # started by `xcs run --` instead of LD_PRELOAD
    inert: bool = False            # with XCS as many rounds as without
    status: Optional[int] = None   # what the program must return, when that is not 0
    calls: Optional[int] = None    # requests that the program makes without XCS
    varies: bool = False           # bodies differ from run to run: requests are only counted
    needs: tuple = ()              # commands without which it is left out; {name} in argv is where one is
    build: tuple = ()              # makes what the program needs, in the directory {built}
    pace: Optional[int] = None     # milliseconds between the beginnings of two calls, at least


def python(name, program, client="session", *args, **more):
    return Scenario(name, ["{python}", "{programs}/" + program + ".py", "{url}", client, *map(str, args)], **more)


def compiled(name, program, *args, **more):
    return Scenario(name, ["{bin}/" + program, "{url}", *args], **more)


CLIENTS = ("requests", "session", "httpx", "httpx-client", "http.client", "urllib")
# A new httpx client for each call takes some 40 ms of computing: less than the latency only when that is long.
HEAVY = {"httpx": 800}
PROMPTS = "".join(f"line {i} of the prompts\n" for i in range(8))
PROGRAM = "from model import ask, say\nfor i in range(8):\n    say(ask(f'question {i}'))\n"

# Limits that a program has set itself hold for it and all that it starts.
NO_PRIVILEGE = ["/usr/bin/setpriv", "--bounding-set", "-sys_resource"] if os.geteuid() == 0 else []

CLIENT_LIBRARIES = [
    *(python(f"client/python-{c}", "loop", c, 8, latency=HEAVY.get(c, 200), rounds=1) for c in CLIENTS),
    *(python(f"client/python-{c}-localhost", "loop", c, 8, latency=200, rounds=1, host="localhost")
      for c in ("session", "httpx-client")),
    # With a time limit a client connects without blocking, and learns of the refusal later.
    *(python(f"client/python-{c}-two-addresses", "two_addresses", c, 8, latency=HEAVY.get(c, 200), rounds=1)
      for c in ("requests", "httpx", "urllib")),
    *(python(f"client/python-asyncio-{c}", "async_loop", c, 6) for c in ("httpx", "aiohttp")),
    *(python(f"client/python-asyncio-{c}", "async_loop", c, 6, repeat=3) for c in ("poll", "select")),
    *(Scenario(f"client/ruby-{how}", ["ruby", "{programs}/net_http.rb", "{url}", how], latency=200, rounds=1)
      for how in ("keep", "each")),
    Scenario("client/perl-http-tiny", ["perl", "{programs}/http_tiny.pl", "{url}"], latency=200, rounds=1),
    *(Scenario(f"client/perl-lwp-{how}", ["perl", "{programs}/lwp.pl", "{url}", how], latency=200, rounds=1)
      for how in ("keep", "each")),
    Scenario("client/php-streams", ["php", "{programs}/streams.php", "{url}"], latency=200, rounds=1),
    compiled("client/c-keep", "plain", "keep", latency=200, rounds=1),
    compiled("client/c-each", "plain", "each", latency=200, rounds=1),
    compiled("client/c-vectored", "vectored", latency=200, rounds=1),
    compiled("client/c-glances", "glances", "once", latency=200, rounds=1),
    # A connection in an epoll set is an event loop's, and left alone once it is seen to be one.
    compiled("client/c-epoll", "vectored", "epoll", wasted=8),
    # stdio reads and writes inside libc, where nothing is interposed: must be correct, need not be faster.
    compiled("client/c-stdio", "stdio_socket"),
]

PATTERNS = [
    *(python(f"pattern/final-{c}", "loop_final", c, 8, latency=HEAVY.get(c, 200), rounds=2) for c in CLIENTS),
    python("pattern/final-32", "loop_final", "session", 32, latency=500, rounds=2),
    python("pattern/loop-200", "loop", "session", 200, latency=50, rounds=20, watch=True),
    python("pattern/loop-512", "loop", "session", 512, latency=50, rounds=100, watch=True, slower=0.3),
    # What answers look like is learned in the first loop: the second takes each apart and is foreseen all the same.
    python("pattern/learned", "learned", "session", 5, latency=300, rounds=2),
    python("pattern/learned-fresh", "learned", "requests", 5, latency=300, rounds=2),
    # The first guess was wrong for another reason than that requests do not repeat.
    python("pattern/asks-again", "asks_again", "session", latency=300, rounds=3, wasted=2),
    # A number may be made up where it is calculated with, and not where it goes into another call.
    python("pattern/numbers", "number_answers", "session", 8, latency=300, rounds=3),
    python("pattern/numbers-fed", "number_answers", "session", 6, "fed", latency=300, rounds=4),
    python("pattern/large-memory", "large_memory", "session", 1024, latency=300, rounds=2),
    *(python(f"pattern/chain-{c}", "chain", c, 6, order=True) for c in CLIENTS),
    python("pattern/endpoints", "endpoints", latency=200, rounds=1),
    python("pattern/prompts-from-file", "file_prompts", "session", "prompts.txt", files={"prompts.txt": PROMPTS},
           latency=200, rounds=1),
    python("pattern/prompts-from-stdin", "stdin_prompts", stdin=PROMPTS),
    python("pattern/answers-to-files", "write_answers", latency=200, rounds=1),
    python("pattern/answers-to-directories", "answer_directories", latency=200, rounds=2),
    python("pattern/answers-to-database", "database", latency=200, rounds=2),
    # Where a copy opens the database's journal while main writes one, it ends, and the next one goes on.
    *(python(f"pattern/answer-cache-{how}", "answer_cache", "session", how, latency=200, rounds=6) for how in ("kept", "wal", "each")),
    Scenario("pattern/program-from-stdin", ["{python}", "-", "{url}", "session"], stdin=PROGRAM, latency=200, rounds=1),
    python("pattern/stdout-pipe", "loop", "session", 8, latency=200, rounds=1, pipe=True),
    python("pattern/subprocess-between", "subprocess_between"),
    python("pattern/fork", "fork_calls", "session", "fork"),
    python("pattern/multiprocessing", "fork_calls", "session", "pool"),
    python("pattern/sleep-between", "sleep_between"),
    python("pattern/thread-pool", "thread_pool", "session", slower=1.5, timed=True),
    python("pattern/same-prompt", "same_prompt", latency=200, rounds=1),
    python("pattern/same-prompt-counted", "same_prompt", latency=200, rounds=1, server=("--count-equal",)),
    python("pattern/non-ascii", "non_ascii", latency=200, rounds=4),
    python("pattern/large-request", "large", "session", "request", latency=500, rounds=2),
    python("pattern/large-response", "large", "session", "response", latency=500, rounds=2),
    python("pattern/large-response-http.client", "large", "http.client", "response"),
    python("pattern/temp-files", "temp_files", latency=200, rounds=2),
    python("pattern/barrier", "barrier", order=True),
    python("pattern/busy-threads", "busy_threads", latency=200, rounds=4, repeat=10, fast=9),
]

# What is concurrent itself, or has more than one thread that calls: no request more or less, and not slower.
THREADS = [
    *(python(f"threads/{how}{n or ''}-{c}", "threads", c, how, n or 2, latency=50, timed=True, slower=1.5, repeat=4)
      for how, n, c in (
        ("pool", 1, "session"), ("pool", 2, "requests"), ("pool", 8, "requests"), ("gaps", 8, "session"),
        ("loops", 3, "session"), ("beside", 0, "session"), ("timer", 0, "session"), ("queue", 1, "requests"),
        ("queue", 3, "requests"), ("side", 0, "requests"), ("alternate", 0, "session"), ("fork", 0, "session"),
        ("fork", 0, "http.client"), ("end", 0, "session"), ("end", 0, "http.client"))),
]

ENDINGS = [
    python("ending/raises", "raise_midloop", wasted=8, status=1),
    python("ending/sys-exit", "exit_midloop", "session", "orderly", wasted=8, status=42),
    python("ending/_exit", "exit_midloop", "session", "at-once", wasted=8, status=42),
    *(python(f"ending/{s}", "kill_self", "session", s, wasted=8, status=-getattr(signal, s))
      for s in ("SIGKILL", "SIGTERM", "SIGSEGV")),
    python("ending/interrupt", "interrupt", wasted=8, status=-signal.SIGINT),
]

SURROUNDINGS = [
    python("own/close-all-first", "close_all", "requests", "first"),
    python("own/close-all-middle", "close_all", "requests", "middle"),
    python("own/alarm", "alarm", timed=True),
    compiled("own/interrupted-read", "interrupted", latency=200, timed=True, wasted=1),
    compiled("own/exec", "exec_chain", watch=True),
    compiled("own/run-path", "own_run_path"),
    python("own/children", "children"),
    python("own/children-requests", "children", "requests"),
    python("own/socket-information", "sockinfo", "http.client"),
    Scenario("own/standard-closed", ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", "{python}", "{programs}/loop_final.py", "{url}",
                                     "session", "8"], latency=200, rounds=2),
    Scenario("own/terminal", ["script", "-qec", "{python} {programs}/loop.py {url} session 8", "/dev/null"],
             latency=200, rounds=1),
    *(Scenario(f"own/{n}-descriptors", ["sh", "-c", f'ulimit -n {n}; exec "$@"', "sh", "{python}",
                                        "{programs}/loop_final.py", "{url}", "session", "12"], latency=200) for n in (9, 16, 64)),
    # A signal would kill the program where XCS wrote a request beyond the limit, on its way to the engine. (Python ignores it.)
    Scenario("own/file-size-limit", ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", "perl", "{programs}/http_tiny.pl", "{url}",
                                     "100000"], pipe=True),
    Scenario("own/file-size-limit-answers", ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *NO_PRIVILEGE, "perl",
                                             "{programs}/http_tiny.pl", "{url}"],
             pipe=True, server=("--size=300000",), latency=200),
    # What traces the program (a debugger too) sees no process that is not the program's.
    Scenario("own/traced", ["sh", "-c", 'strace -f -qqq -e trace=execve -e signal=none -o log "$@" && grep -c . log && rm log', "sh",
                            "{python}", "{programs}/loop.py", "{url}", "session", "8"], latency=200, rounds=2),
    python("own/fork-and-wait", "fork_and_wait", watch=True),
    python("own/reaper", "reaper", "requests"),
]

WIRE = [
    *(python(f"wire/{shape.replace('_', '-')}", "raw_http", "session", shape, wasted=wasted) for shape, wasted in (
        ("expect", 0), ("pipeline", 0), ("split_pipeline", 0), ("old", 0), ("trickle", 0), ("chunked", 0),
        ("half_closed", 0), ("abandoned", 1), ("one_by_one", 0))),
    *(python(f"wire/odd-{way}", "raw_http", "session", "to_the_end", odd=way, latency=200, rounds=1) for way in ("plain", "interim")),
    python("wire/odd-length-list", "loop", "http.client", 4, odd="length-list", wasted=3),
    python("wire/stream", "stream", latency=200, rounds=1),
    python("wire/first-token", "first_token"),
    python("wire/first-lines", "first_lines", latency=300, rounds=2),
    python("wire/broken-stream", "broken_stream"),
    *(python(f"wire/{what}-after-hits", "other_after_hits", "http.client", what, latency=200, rounds=2)
      for what in ("get", "no-call")),
    python("wire/chunked-responses", "loop", "session", 8, latency=200, rounds=1, server=("--chunked",)),
    python("wire/slow-body", "loop", "session", 6, rounds=2, server=("--slow-body=200",)),
    python("wire/server-closes", "loop", "session", 8, latency=200, rounds=1, server=("--close",)),
    # A server that takes one connection at a time is the program's own; of a few, each of ours makes room for the next.
    *(python(f"wire/one-connection-{c}", "loop", c, 8, server=("--max-connections", "1"), wasted=8)
      for c in ("session", "requests", "http.client")),
    python("wire/four-connections", "loop", "session", 32, latency=200, rounds=16, server=("--max-connections", "4")),
    python("wire/three-per-connection", "loop", "session", 8, latency=200, rounds=2, server=("--max-requests", "3")),
    *(python(f"wire/short-keepalive-{c}", "keepalive", c, server=("--keepalive-timeout", "1"))
      for c in ("session", "http.client")),
    python("wire/timeout-session", "timeout", wasted=2),
    python("wire/timeout-httpx", "timeout", "httpx-client", wasted=2),
    *(python(f"wire/retry-{s}", "retry", "session", s, wasted=6) for s in (429, 500, 503)),
    *(python(f"wire/errors-{marker}", "errors", "session", marker, wasted=4)
      for marker in ("status=429", "status=500", "status=400", "drop=20", "reset=20", "hangup")),
    # Where all of them fail, a server is not asked twice for each.
    *(python(f"wire/errors-only-{s}", "refused", "session", 200, latency=10, wasted=130, server=(f"--status={s}",))
      for s in (400, 500)),
]


# Each API of shim/apis.h: what it answers can be taken apart in a run-ahead, and a later call that needs it is found dependent.
APIS = [
    *(python(f"api/{name}", "apis", "session", name, latency=300, rounds=2) for name in (
        "chat", "azure", "completion", "fim", "response", "moderation", "image", "message", "google", "google-embed",
        "google-embed-batch", "ollama-chat", "ollama-generate", "ollama-embed", "ollama-embedding", "embedding",
        "llama", "infill", "llama-embedding", "rerank", "cohere", "cohere-1", "cohere-embed", "cohere-embed-1", "tgi",
        "hugging-face", "hugging-face-features", "converse", "bedrock-claude", "bedrock-titan", "bedrock-titan-embed",
        "bedrock-llama", "bedrock-mistral")),
    python("api/google-list", "apis", "session", "google-list", latency=300, rounds=2),
    python("api/aws-signed", "aws_signed", latency=1200, rounds=2, varies=True),
    *(python(f"stream/{name}", "apis", "session", name, "stream", latency=300, rounds=2) for name in (
        "chat", "completion", "response", "message", "google", "ollama-chat", "ollama-generate", "llama", "cohere",
        "cohere-1", "tgi", "hugging-face")),
]


def refused(name, what, number):
    return Scenario(f"open/{name}", ["{bin}/deny_syscall", what, str(number), "{python}", "{programs}/loop.py", "{url}",
                                     "session", "6"], wasted=6)


# As where cores are forbidden for good, to a program that cannot take that back.
NO_CORES = [*NO_PRIVILEGE, "/usr/bin/prlimit", "--core=0:0"]

FAIL_OPEN = [
    *(python(f"open/engine-killed-{int(after * 1000)}ms", "loop_final", "session", 8, wasted=18, latency=200, watch=True,
             sabotage=("engine", signal.SIGKILL, after, True))
      for after in (0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.22, 0.25)),
    *(python(f"open/engine-killed-large-{int(after * 1000)}ms", "large", "session", "response", wasted=8, latency=100,
             sabotage=("engine", signal.SIGKILL, after, True)) for after in (0.1, 0.3, 0.5, 0.7)),
    python("open/engine-killed-requests", "loop_final", "requests", 8, wasted=24, watch=True, latency=200,
           sabotage=("engine", signal.SIGKILL, 0, False)),
    python("open/holder-killed", "loop_final", "session", 8, wasted=18, latency=200,
           sabotage=("holder", signal.SIGKILL, 0.1, True)),
    python("open/ahead-killed", "loop", "session", 8, wasted=16, sabotage=("ahead", signal.SIGKILL, 0, False)),
    python("open/ahead-stopped", "loop", "session", 8, wasted=16, sabotage=("ahead", signal.SIGSTOP, 0, False)),
    python("open/ahead-segfaults", "loop", "session", 8, wasted=16, sabotage=("ahead", signal.SIGSEGV, 0, False)),
    Scenario("open/no-cores", [*NO_CORES, "{python}", "{programs}/loop.py", "{url}", "session", "8"], latency=200, rounds=1),
    python("open/xcs-missing", "loop", "session", 6, lone=True, order=True),
    refused("seccomp-refused", "seccomp-filter", errno.EINVAL),
    refused("process-refused", "process", errno.EAGAIN),
    refused("memfd-refused", "memfd_create", errno.ENOSYS),
    refused("pidfd-refused", "pidfd_open,pidfd_send_signal", errno.ENOSYS),
    refused("socketpair-refused", "socketpair", errno.EMFILE),
]

LAUNCHER = [
    python("run/loop", "loop", "session", 8, latency=200, rounds=1, launcher=True),
    python("run/status", "exit_midloop", "session", "orderly", wasted=8, status=42, launcher=True),
    *(python(f"run/{s}", "kill_self", "session", s, wasted=8, status=-getattr(signal, s), launcher=True)
      for s in ("SIGKILL", "SIGTERM")),
    python("run/children", "children", launcher=True),
    python("run/stdin", "stdin_prompts", stdin=PROMPTS, launcher=True),
    python("run/off", "loop", "session", 6, order=True, inert=True, env={"XCS": "off"}),
]

SCENARIOS = CLIENT_LIBRARIES + PATTERNS + THREADS + ENDINGS + SURROUNDINGS + WIRE + APIS + FAIL_OPEN + LAUNCHER
