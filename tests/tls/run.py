#!/usr/bin/python3
"""TLS tests: each program runs without and with XCS against the same TLS front of a fresh model server, and what can be seen
of it is compared as in the end-to-end tests, whose harness this uses. Prints TAP; exit status 1 when anything failed.

The model server's record is the witness: what it did not see, no peer was sent through.
"""
import os
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import processes  # noqa: E402
import run as e2e  # noqa: E402
import tap  # noqa: E402
import gnutls  # noqa: E402
import openssl  # noqa: E402
import secrets_kept  # noqa: E402
from peers import Authority, ChangingKey, Daemons, Nginx, told  # noqa: E402
from proxy import PASSWORD, Proxy  # noqa: E402
from s_server import SServer  # noqa: E402
from scenarios import Scenario  # noqa: E402
from server import free_ports  # noqa: E402

PYTHON = ("session", "requests", "httpx-client", "httpx", "http.client", "urllib")
SLOW = {"httpx": 800, "requests": 400}
BAD = ("unknown-ca", "wrong-host", "expired", "self-signed")
PATIENCE = 15  # seconds that a server that serves one connection at a time may cost


def client(front, name, *argv, rounds=1, latency=200, **more):
    return front, Scenario(f"{name}/{front}", list(argv), rounds=rounds, latency=latency, **more)


def trust(front, how, status=0, **more):
    return front, Scenario(f"trust-{how}/{front}", ["{python}", HERE + "/trust.py", "{tls}", how], status=status, **more)


def matrix(front):
    yield from (client(front, "python-" + c, "{python}", "{programs}/loop.py", "{tls}", c, "8", latency=SLOW.get(c, 200))
                for c in PYTHON)
    yield from (client(front, "ruby-" + how, "ruby", "{programs}/net_http.rb", "{tls}", how) for how in ("keep", "each"))
    yield client(front, "perl-http-tiny", "perl", "{programs}/http_tiny.pl", "{tls}")
    yield from (client(front, "perl-lwp-" + how, "perl", "{programs}/lwp.pl", "{tls}", how) for how in ("keep", "each"))
    yield client(front, "php-streams", "php", "{programs}/streams.php", "{tls}")


def table():
    for front in ("tls13", "tls12", "chain"):
        yield from matrix(front)
    for front in ("haproxy", "stunnel", "tickets", "no-tickets", "session-ids"):
        yield from (client(front, "python-" + c, "{python}", "{programs}/loop.py", "{tls}", c, "8", latency=SLOW.get(c, 200))
                    for c in ("session", "requests"))
        yield client(front, "ruby-each", "ruby", "{programs}/net_http.rb", "{tls}", "each")
        yield client(front, "perl-lwp-keep", "perl", "{programs}/lwp.pl", "{tls}", "keep")
        yield client(front, "php-streams", "php", "{programs}/streams.php", "{tls}")
    # The fifth of these calls fails.
    yield client("tls13", "lua", "lua5.4", "{programs}/luasocket.lua", "{tls}", rounds=3, wasted=1)
    yield client("tls13", "perl-mojo", "perl", "{programs}/mojo.pl", "{tls}", rounds=3, wasted=1)
    yield client("tls13", "python-abandons", "{python}", "{programs}/abandons.py", "{tls}", "session", rounds=None)
    # Closed by the server while the program pauses, and while its answers come from the engine.
    yield from (client("brief", "python-pauses-" + c, "{python}", "{programs}/keepalive.py", "{tls}", c, "0.9", rounds=None)
                for c in ("session", "httpx-client", "http.client"))
    yield client("brief", "python-slow", "{python}", "{programs}/loop_final.py", "{tls}", "session", "5", latency=600, rounds=2)
    # HTTP/2 where the server takes it is left alone; where it does not, the client speaks HTTP/1.1.
    yield client("http2", "python-http2", "{python}", "{programs}/loop.py", "{tls}", "httpx-http2", "8", rounds=None, inert=True)
    yield client("tls13", "python-http2", "{python}", "{programs}/loop.py", "{tls}", "httpx-http2", "8")
    for c in ("httpx", "aiohttp"):
        yield client("tls13", "asyncio-" + c, "{python}", "{programs}/async_loop.py", "{tls}", c, "6", rounds=None,
                     inert=True)
    for front in BAD:
        yield trust(front, "verify", 3)
        yield trust(front, "off", latency=200, rounds=1)
        yield trust(front, "off-then-verify", 3)
    yield trust("client-cert", "certificate", inert=True)
    yield trust("changing", "verify", latency=200)
    yield from one_at_a_time()
    yield from proxied()
    yield from openssl.scenarios(client)
    yield from gnutls.scenarios(client)


def one_at_a_time():
    """A server that leaves all connections but one in its backlog: the engine's own wait there while the program's is open."""
    def c(name, *argv):
        return client("s_server", name, *argv, rounds=None)

    yield from (c("python-" + how, "{python}", "{programs}/loop.py", "{tls}", how, "8")
                for how in ("session", "httpx-client", "requests"))
    yield c("ruby-keep", "ruby", "{programs}/net_http.rb", "{tls}", "keep")
    yield c("php-kept-stream", "php", HERE + "/kept_stream.php", "{tls}")
    yield from (c("openssl-" + mode, "{bin}/openssl_client", "{tls}", mode) for mode in ("loop", "each"))
    for certificate in BAD:
        yield trust("s_server-" + certificate, "verify", 3)
    for certificate in BAD:
        yield trust("s_server-then-" + certificate, "swapped", 3, latency=500, timed=True, wasted=7)


def proxied():
    """Through a proxy, which sees no more than TLS: "proxy-WAY-..." (proxy.py). What it is asked for is compared too."""
    def c(front, name, *argv, **more):
        return client(front, "proxy-" + name, *argv, **more)

    def env(front, name, *argv, proxy="{proxy}", **more):
        return c(front, name, "/usr/bin/env", "https_proxy=" + proxy, "http_proxy=" + proxy, *argv, **more)

    def tunnels(way, name, *words, front="tls13", **more):
        return c(front, f"{way}-tunnels-{name}", "{python}", HERE + "/tunnels.py", "{tls}", "{proxy}", *words, **more)

    for front in ("tls13", "tls12"):
        for how in PYTHON:
            if how != "http.client":
                yield env(front, "open-python-" + how, "{python}", "{programs}/loop.py", "{tls}", how, "8",
                          latency=SLOW.get(how, 200))
        yield from (tunnels("open", how, how, front=front) for how in ("keep", "each"))
        yield from (c(front, "open-ruby-" + how, "ruby", HERE + "/tunnel.rb", "{tls}", "{proxy}", how) for how in ("keep", "each"))
        yield env(front, "open-wget", HERE + "/wget.sh", "wget", "{tls}", "keep", rounds=2, files=gnutls.WGET_FILES)
    for front, mode, way in (("tls13", "loop", "blocking"), ("tls13", "loop", "poll-peek"), ("tls12", "loop", "partial"),
                             ("tls13", "each", "blocking"), ("tls12", "each", "select-first")):
        yield env(front, f"open-openssl-{mode}-{way}", "{bin}/openssl_client", "{tls}", mode, way, rounds=2)
    # As above, with a name and a password.
    for how in ("session", "requests", "httpx-client", "urllib"):
        yield env("tls13", "password-python-" + how, "{python}", "{programs}/loop.py", "{tls}", how, "8",
                  proxy="{proxy_password}", latency=SLOW.get(how, 200))
    yield from (tunnels("password", f"{how}-{'-'.join(users)}", how, *(user + ":" + PASSWORD for user in users), **more)
                for how, users, more in (("each", ["one"], {}), ("keep", ["one", "two"], {"rounds": 2}),
                                         ("each", ["one", "two"], {"rounds": None}), ("each", ["wrong", "one"], {"rounds": None}),
                                         ("each", ["wrong"], {"rounds": None, "inert": True})))
    # Two servers in turn; a server that has no name.
    yield tunnels("open", "numbered", "each", "at:127.0.0.1")
    yield from (tunnels("open", how + "-two", how, "at:localhost", "at:127.0.0.1", rounds=2) for how in ("keep", "each"))
    # A final call that needs all answers; calls that need one each.
    yield env("tls13", "open-final", "{python}", "{programs}/loop_final.py", "{tls}", "session", "5", rounds=2)
    yield from (env("tls13", "open-chains-" + how, "{python}", "{patterns}/f_of_g.py", "{tls}", how, rounds=2)
                for how in ("session", "requests"))
    # Closed by the server while the program pauses, and while its answers come from the engine: the tunnel is made again.
    yield from (env("brief", "open-pauses-" + how, "{python}", "{programs}/keepalive.py", "{tls}", how, "0.9", rounds=None)
                for how in ("session", "httpx-client"))
    yield tunnels("password", "sum-one-two", "sum", "one:" + PASSWORD, "two:" + PASSWORD, front="brief", latency=700, rounds=4)
    yield env("brief", "open-slow", "{python}", "{programs}/loop_final.py", "{tls}", "session", "5", latency=600, rounds=2)
    # It makes one tunnel at a time: that is the program's.
    for way in ("places", "silent"):
        yield from (tunnels(way, how, how, rounds=None, inert=True) for how in ("keep", "each"))
    yield tunnels("queue", "keep", "keep", rounds=None, inert=True)
    # What cannot be told in other words, or is not understood, is left alone.
    yield tunnels("open", "split", "split", rounds=None, inert=True)
    yield from (tunnels(way, "each", "each", rounds=None, inert=True) for way in ("body", "early", "long"))
    yield tunnels("spoilt", "keep", "keep", rounds=None, inert=True)
    yield c("tls13", "open-greeted", "{python}", HERE + "/greeted.py", "{tls}", "{proxy}", rounds=None, inert=True)
    # A server behind it that the program refuses.
    for front in BAD:
        yield tunnels("open", "trust-verify", "each", front=front, rounds=None, status=3)
        yield env(front, "open-trust-off", "{python}", HERE + "/trust.py", "{tls}", "off", latency=200)
        yield env(front, "open-trust-off-then-verify", "{python}", HERE + "/trust.py", "{tls}", "off-then-verify", status=3)
    yield env("changing", "open-trust-verify", "{python}", HERE + "/trust.py", "{tls}", "verify", rounds=None)


class Peers:
    def __init__(self, directory):
        self.authority = Authority(directory)
        self.model_port, = free_ports(1)
        self.nginx = Nginx(self.authority, directory, self.model_port)
        self.daemons = Daemons(self.authority, directory, self.model_port)
        self.changing = ChangingKey(self.authority, self.model_port)
        self.s_server = SServer(self.authority, directory, self.model_port)
        self.proxy = Proxy()
        self.ports = {**self.nginx.ports, **self.daemons.ports, "changing": self.changing.port}

    def reset(self, front, name):
        """Before each run, for those that remember."""
        self.changing.reset()
        self.proxy.reset(name.split("-")[1] if name.startswith("proxy-") else None)
        if front.startswith("s_server"):
            first, _, later = front.removeprefix("s_server").lstrip("-").partition("then-")
            self.s_server.reset(first or "good", later or None)

    def port(self, front):
        return self.s_server.port if front.startswith("s_server") else self.ports[front]

    def end(self):
        self.s_server.end()
        self.nginx.end()
        self.daemons.end()

    def prepare(self, front, scenario):
        """Puts the front's address, and what the clients are to trust, into a scenario's command line."""
        place = f"127.0.0.1:{self.proxy.port}"
        argv = [word.replace("{proxy}", "http://" + place).replace("{proxy_password}", f"http://one:{PASSWORD}@{place}")
                for word in scenario.argv]
        scenario.argv = told(self.authority, self.port(front), argv, CLIENT_PEM="client.pem", CLIENT_KEY="client.key")


def compare_tunnels(scenario, before, proxy):
    """What is wrong. The proxy is asked for what it was asked for without XCS, byte for byte, by the program and for each call ahead."""
    problems = [f"{n} {what}" for n, what in ((proxy.strangers, "took the proxy for the server"),
                                             (proxy.clear, "tunnels began with something else than TLS")) if n]
    if scenario.name.startswith("proxy-") and not before:
        problems.append("the proxy was not asked: this run has tested nothing")
    for head in set(before) | set(proxy.asked):
        without, now = before.count(head), proxy.asked.count(head)
        if not without or now > 2 * without + 8 or (scenario.inert and scenario.rounds is None and now < without):
            problems.append(f"asked {without} times without and {now} with: {head.split(b' HTTP')[0]!r}")
    return problems


def check(options, peers, front, scenario, directory):
    """(what is wrong, remarks)."""
    def once(library=None, debug=False):
        peers.reset(front, scenario.name)
        return e2e.Run(options, scenario, directory, peers.model_port, library, debug)

    peers.prepare(front, scenario)
    base = once()
    asked = peers.proxy.asked
    problems = e2e.judge_native(scenario, base)
    if problems:
        return problems, []
    scenario.env["ASAN_OPTIONS"] = "detect_leaks=0"  # the program is not ours
    run, problems, fast = e2e.judged(lambda: once(options.preload), scenario, base)
    if not fast and not options.sanitizer:  # one makes the copy slow
        problems += e2e.too_slow(scenario.rounds, run)
    if "trust-verify" in scenario.name and scenario.status and run.record.requests:
        problems.append("a server that the program refuses has been sent a request")
    if front == "changing" and peers.changing.connections < 2:
        problems.append("the engine has not met the other key: this run has tested nothing")
    if front == "changing" and peers.changing.served_later:
        problems.append("a peer with another key has been sent a request")
    if front.startswith("s_server-") and peers.s_server.received:
        problems.append(f"a server that the program refuses has been sent {peers.s_server.received} bytes")
    if "-then-" in front and peers.s_server.hellos() < 2:
        problems.append("the engine has not met the other certificate: this run has tested nothing")
    problems += compare_tunnels(scenario, asked, peers.proxy)
    if front == "s_server" and run.seconds > base.seconds + PATIENCE:
        problems.append(f"{run.seconds:.2f} s with, {base.seconds:.2f} s without")
    remarks = [e2e.figures(scenario, base, run)]
    eye = secrets_kept.Eye(options.server)
    eye.start()
    debug = once(options.preload, debug=True)
    eye.end()
    peers.s_server.end()
    ahead = scenario.rounds is not None and not scenario.inert
    problems += secrets_kept.leaks(debug, eye, ahead, ahead and scenario.name.startswith("python-session"))
    if problems:
        problems += e2e.tail("stderr", debug.stderr)
    return problems, remarks


def parse():
    p = tap.parser(__doc__)
    p.add_argument("--sanitizer", help="the runtime of the sanitizer that libxcs.so was built with")
    options = tap.parse(p)
    options.preload = f"{options.sanitizer}:{options.libxcs}" if options.sanitizer else options.libxcs
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that nginx is ended then too
    rows = tap.chosen(options, [(s.name, (f, s)) for f, s in table()])
    with tempfile.TemporaryDirectory(prefix="xcs-tls-") as top:
        os.chmod(top, 0o755)  # nginx's worker is another user when this runs as root
        options.bin = top
        peers = Peers(top)
        secrets_kept.allow_cores()
        processes.become_subreaper()  # after the daemons, which have gone to another parent
        try:
            openssl.build(top)
            gnutls.build(top)
            if not openssl.has_11():
                print("# OpenSSL 1.1 is not there (scripts/setup-openssl11): its scenarios are left out")
            return tap.run(rows, lambda row, directory: check(options, peers, *row, directory), top)
        finally:
            peers.end()


if __name__ == "__main__":
    sys.exit(main())
