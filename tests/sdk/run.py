#!/usr/bin/python3
"""SDK tests: each real SDK's sync client in a loop and a final call, over http and https, without and with XCS.

Output, errors, exit status and the requests that the server saw must be the same; with XCS the nine calls take no more
than MOST_ROUNDS rounds. The SDKs are in the virtual environment that scripts/setup-sdks makes. Prints TAP; exit
status 1 when anything failed.
"""
import collections
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "tls")]
import run as e2e  # noqa: E402
import tap  # noqa: E402
from peers import Authority, Nginx  # noqa: E402
from record import Record, describe, difference  # noqa: E402
from server import Server, free_ports  # noqa: E402

SDKS = ("openai-chat", "openai-response", "openai-embedding", "anthropic", "google", "ollama", "ollama-generate",
        "langchain", "litellm", "openai-chat-stream", "openai-response-stream", "anthropic-stream", "google-stream",
        "ollama-stream", "langchain-stream", "cohere", "cohere-stream", "cohere-embedding", "mistral", "bedrock")
OWN_ENVIRONMENT = {"litellm"}  # wants an older openai than the others: has a virtual environment of its own
# litellm would ask GitHub for prices in a thread, with random pauses, and log the time.
ENVIRONMENT = {"litellm": {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}}
# Their headers hold the clock and a name for each request: only what is asked is compared.
SIGNED = {"bedrock"}
CALLS = 9
MOST_ROUNDS = 4
# With XCS: long against the computing between two calls (SDKs take tens of milliseconds), short against a test's patience.
LATENCY_MS = 300
LIMIT = 60


class SdkRecord(Record):
    """Every POST of these programs is a model call."""

    def asked(self, without_headers):
        return collections.Counter((method, target, () if without_headers else headers, length, body)
                                   for method, target, headers, length, body in self.multiset().elements())

    @staticmethod
    def is_model_call(request):
        return request["method"] == "POST"


class Peers:
    """The model server's port and nginx in front of it, for all runs."""

    def __init__(self, directory):
        self.authority = Authority(directory)
        self.model_port, = free_ports(1)
        self.nginx = Nginx(self.authority, directory, self.model_port)

    def url(self, tls):
        return f"https://127.0.0.1:{self.nginx.ports['tls13']}" if tls else f"http://127.0.0.1:{self.model_port}"


class Run:
    """One run of an SDK's program, and what it did."""

    def __init__(self, options, peers, directory, sdk, tls, library=None, debug=False):
        python = options.python
        if sdk in OWN_ENVIRONMENT:
            python = os.path.join(os.path.dirname(os.path.dirname(python)), sdk, "bin", "python")
        env = {"PATH": "/usr/bin:/bin", "HOME": directory, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        if tls:
            env["SSL_CERT_FILE"] = env["REQUESTS_CA_BUNDLE"] = peers.authority.path("ca.pem")
        env.update(ENVIRONMENT.get(sdk, {}))
        if library:
            env["LD_PRELOAD"] = library
        if debug:
            env["XCS_DEBUG"] = "1"
        latency_ms = LATENCY_MS if library else e2e.NATIVE_LATENCY
        server = Server(options.server, directory, "--latency-ms", str(latency_ms), port=peers.model_port)
        try:
            began = time.monotonic()
            done = subprocess.run([python, os.path.join(HERE, "program.py"), sdk, peers.url(tls)], env=env, cwd=directory,
                                  timeout=LIMIT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            self.seconds = time.monotonic() - began
        finally:
            server.end()
        self.seen = (done.stdout, done.stderr, done.returncode)
        self.record = SdkRecord(server.log)


def judge(sdk, base, run):
    problems = []
    for what, a, b in zip(("stdout", "stderr"), base.seen, run.seen):
        if a != b:
            problems.append(f"{what} differs: {a[-300:]}, {b[-300:]}")
    if base.seen[2] != run.seen[2]:
        problems.append(f"exit status {run.seen[2]}, without XCS {base.seen[2]}")
    missing, extra = difference(base.record.asked(sdk in SIGNED), run.record.asked(sdk in SIGNED))
    problems += [f"missing: {line}" for line in describe(missing)]
    if extra.total() > 0:
        problems += [f"extra: {line}" for line in describe(extra)]
    return problems


def check(options, peers, sdk, tls, directory):
    """(what is wrong, remarks)."""
    base = Run(options, peers, directory, sdk, tls)
    if base.seen[2] != 0 or len(base.record.model_calls()) != CALLS:
        return [f"without XCS: status {base.seen[2]}, {len(base.record.model_calls())} calls",
                base.seen[1].decode(errors="replace")[-1500:]], []
    for _ in range(1 + e2e.AGAIN):
        run = Run(options, peers, directory, sdk, tls, options.libxcs)
        problems = judge(sdk, base, run)
        fast = run.record.rounds() <= MOST_ROUNDS
        if problems or fast:
            break
    if not fast:
        problems.append(f"{run.record.rounds()} rounds, {MOST_ROUNDS} allowed")
    rounds = f"rounds {base.record.rounds()}, {run.record.rounds()}"
    remarks = [f"{base.seconds:.2f} s, with XCS {run.seconds:.2f} s; {rounds}"]
    if problems:
        debug = Run(options, peers, directory, sdk, tls, options.libxcs, debug=True)
        problems.append(f"once more with XCS_DEBUG=1 (status {debug.seen[2]}):")
        problems += debug.seen[1].decode(errors="replace").splitlines()[-40:]
    return problems, remarks


def main():
    p = tap.parser(__doc__)
    p.add_argument("--python", default="build/sdks/bin/python", help="the interpreter that has the SDKs")
    options = tap.parse(p)
    rows = tap.chosen(options, [(f"{sdk}-{'https' if tls else 'http'}", (sdk, tls)) for tls in (False, True) for sdk in SDKS])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that nginx is ended then too
    with tempfile.TemporaryDirectory(prefix="xcs-sdk-") as top:
        os.chmod(top, 0o755)  # nginx's worker is another user when this runs as root
        peers = Peers(top)
        try:
            return tap.run(rows, lambda row, directory: check(options, peers, *row, directory), top)
        finally:
            peers.nginx.end()


if __name__ == "__main__":
    sys.exit(main())
