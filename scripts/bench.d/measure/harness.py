"""What all parts of the benchmark need: the programs of the build tree, the servers that they are run against, and the time that
they take. Used by overlap.py and cost.py.
"""
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAMS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(PROGRAMS))
PYTHON = "/usr/bin/python3"
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tests", "tls")]
import peers  # noqa: E402

LATENCY_MS = 200
CHAIN_CALLS, CHAIN_MS = 64, 5  # dependent calls, short: what one more costs shows


class Build:
    """The programs of the build tree."""

    def __init__(self, path):
        self.xcs = os.path.join(path, "xcs")
        self.libxcs = os.path.join(path, "libxcs.so")
        self.server = os.path.join(path, "model_server")
        self.multi = os.path.join(path, "bench_multi")
        self.easy = os.path.join(path, "bench_easy")
        self.entry = os.path.join(path, "bench_entry")
        self.record = os.path.join(path, "bench_record")
        subprocess.run(["make", "-s", "-C", path, "xcs", "libxcs.so", "model_server", "bench_multi", "bench_easy", "bench_entry",
                        "bench_record"], check=True)


@contextlib.contextmanager
def model_server(build, latency_ms):
    """Yields the base URL of a model server that takes latency_ms for each call."""
    directory = tempfile.mkdtemp(prefix="xcs-bench-")
    port_file = os.path.join(directory, "port")
    process = subprocess.Popen(
        [build.server, "--port", "0", "--port-file", port_file, "--latency-ms", str(latency_ms)],
        stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if os.path.exists(port_file) and open(port_file).read().strip():
                break
            time.sleep(0.02)
        yield "http://127.0.0.1:" + open(port_file).read().strip()
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(directory)


@contextlib.contextmanager
def tls_front(model_url):
    """Yields the base URL of an nginx that speaks TLS in front of the model server, and the certificate to trust."""
    with tempfile.TemporaryDirectory(prefix="xcs-bench-") as directory:
        os.chmod(directory, 0o755)  # nginx's worker is another user when this runs as root
        authority = peers.Authority(directory)
        nginx = peers.Nginx(authority, directory, int(model_url.rsplit(":", 1)[1]))
        try:
            yield f"https://localhost:{nginx.ports['tls13']}", authority.path("ca.pem")
        finally:
            nginx.end()


def environment(build, preload):
    env = {k: v for k, v in os.environ.items() if not k.startswith("XCS")}
    env.pop("LD_PRELOAD", None)
    if preload:
        env["LD_PRELOAD"] = build.libxcs
    return env


def timed(command, env):
    start = time.perf_counter()
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command[0]} {command[1:]}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return seconds, done


def python(name):
    return [PYTHON, os.path.join(PROGRAMS, name)]


def alternate(ways, repeat):
    """Median seconds and the last outcome of each way, run in turn so that a busy moment hits all."""
    seconds = {way: [] for way in ways}
    outcome = {}
    for _ in range(repeat):
        for way, (command, env) in ways.items():
            took, outcome[way] = timed(command, env)
            seconds[way].append(took)
    return {way: statistics.median(values) for way, values in seconds.items()}, outcome
