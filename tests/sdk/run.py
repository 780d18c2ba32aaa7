#!/usr/bin/python3
"""SDK tests: each real SDK's sync client in a loop and a final call, over http and https, without and with XCS.

Output, errors, exit status and the requests that the server saw must be the same; with XCS the nine calls take no more
than MOST_ROUNDS rounds. The SDKs are in the virtual environment that scripts/setup-sdks makes. Prints TAP; exit
status 1 when anything failed.
"""
import collections
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import tap  # noqa: E402
import run as e2e  # noqa: E402
from record import Record, describe, difference  # noqa: E402

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

NGINX = """
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/tmp; proxy_temp_path {dir}/tmp; fastcgi_temp_path {dir}/tmp;
    uwsgi_temp_path {dir}/tmp; scgi_temp_path {dir}/tmp;
    upstream model {{ server 127.0.0.1:{plain}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.key;
        client_max_body_size 16m;
        location / {{
            proxy_pass http://model; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Host $http_host; proxy_set_header Connection "";
        }}
    }}
}}
"""


class SdkRecord(Record):
    """Every POST of these programs is a model call."""

    def asked(self, without_headers):
        return collections.Counter((method, target, () if without_headers else headers, length, body)
                                   for method, target, headers, length, body in self.multiset().elements())

    @staticmethod
    def is_model_call(request):
        return request["method"] == "POST"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, process):
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("a server did not start")


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(into):
    """A test authority (ca.pem) and what it signed for the server."""
    def path(name):
        return os.path.join(into, name)
    with open(path("names"), "w", encoding="utf-8") as f:
        f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=XCS test authority", "-keyout", path("ca.key"), "-out", path("ca.pem"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
            "-keyout", path("server.key"), "-out", path("server.csr"))
    openssl("x509", "-req", "-days", "2", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-extfile", path("names"), "-out", path("server.pem"))


class Servers:
    """The model server, and for https nginx in front of it; a context, for one run."""

    def __init__(self, options, top, ports, tls, latency_ms):
        self.options, self.top, self.ports, self.tls, self.latency_ms = options, top, ports, tls, latency_ms
        self.log = os.path.join(top, "server.log")
        self.processes = []

    def __enter__(self):
        plain, secure = self.ports
        self._start([self.options.server, "--port", str(plain), "--log", self.log, "--latency-ms", str(self.latency_ms)],
                    plain)
        if self.tls:
            os.makedirs(os.path.join(self.top, "tmp"), exist_ok=True)
            conf = os.path.join(self.top, "nginx.conf")
            with open(conf, "w", encoding="utf-8") as f:
                f.write(NGINX.format(dir=self.top, plain=plain, tls=secure))
            self._start([self.options.nginx, "-p", self.top, "-c", conf], secure)
        return f"https://127.0.0.1:{secure}" if self.tls else f"http://127.0.0.1:{plain}"

    def _start(self, argv, port):
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        await_port(port, process)

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(10)


class Run:
    """One run of an SDK's program, and what it did."""

    def __init__(self, options, top, ports, sdk, tls, library=None, debug=False):
        python = options.python
        if sdk in OWN_ENVIRONMENT:
            python = os.path.join(os.path.dirname(os.path.dirname(python)), sdk, "bin", "python")
        env = {"PATH": "/usr/bin:/bin", "HOME": top, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        if tls:
            env["SSL_CERT_FILE"] = env["REQUESTS_CA_BUNDLE"] = os.path.join(top, "ca.pem")
        env.update(ENVIRONMENT.get(sdk, {}))
        if library:
            env["LD_PRELOAD"] = library
        if debug:
            env["XCS_DEBUG"] = "1"
        servers = Servers(options, top, ports, tls, LATENCY_MS if library else e2e.NATIVE_LATENCY)
        with servers as url:
            began = time.monotonic()
            done = subprocess.run([python, os.path.join(HERE, "program.py"), sdk, url], env=env, cwd=top, timeout=LIMIT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            self.seconds = time.monotonic() - began
        self.seen = (done.stdout, done.stderr, done.returncode)
        self.record = SdkRecord(servers.log)


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
    if run.record.rounds() > MOST_ROUNDS:
        problems.append(f"{run.record.rounds()} rounds, {MOST_ROUNDS} allowed")
    return problems


def run_one(options, top, sdk, tls):
    """(what is wrong, remarks)."""
    ports = free_port(), free_port()
    base = Run(options, top, ports, sdk, tls)
    if base.seen[2] != 0 or len(base.record.model_calls()) != CALLS:
        return [f"without XCS: status {base.seen[2]}, {len(base.record.model_calls())} calls",
                base.seen[1].decode(errors="replace")[-1500:]], []
    run = Run(options, top, ports, sdk, tls, options.libxcs)
    problems = judge(sdk, base, run)
    rounds = f"rounds {base.record.rounds()}, {run.record.rounds()}"
    remarks = [f"{base.seconds:.2f} s, with XCS {run.seconds:.2f} s; {rounds}"]
    if problems:
        debug = Run(options, top, ports, sdk, tls, options.libxcs, debug=True)
        problems.append(f"once more with XCS_DEBUG=1 (status {debug.seen[2]}):")
        problems += debug.seen[1].decode(errors="replace").splitlines()[-40:]
    return problems, remarks


def parse():
    p = tap.parser(__doc__)
    p.add_argument("--python", default="build/sdks/bin/python", help="the interpreter that has the SDKs")
    options = tap.parse(p)
    options.nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    return options


def main():
    options = parse()
    rows = tap.chosen(options, [(f"{sdk}-{'https' if tls else 'http'}", (sdk, tls)) for tls in (False, True) for sdk in SDKS])
    if any(tls for _, (_, tls) in rows) and not options.nginx:
        sys.exit("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="xcs-sdk-") as top:
        make_certificates(top)
        return tap.run(rows, lambda row, _: run_one(options, top, *row), top)


if __name__ == "__main__":
    sys.exit(main())
