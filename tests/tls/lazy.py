#!/usr/bin/python3
"""Handshakes that are put off: programs that make a connection for each call, against a front that counts, without and with XCS.

What can be seen of a program is compared as in the end-to-end tests. With XCS most of its connections must be ended without a
byte: that is what a handshake saved looks like from the server. Prints TAP; exit status 1 when anything failed.
"""
import os
import ssl
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import processes  # noqa: E402
import run as e2e  # noqa: E402
import tap  # noqa: E402
from counting import CountingFront  # noqa: E402
from peers import Authority, told  # noqa: E402
from scenarios import Scenario  # noqa: E402
from server import free_ports  # noqa: E402

TLS12 = (ssl.TLSVersion.TLSv1_2,) * 2
LATENCY = 500
UNTIMED = ("plain", "ask", "idle", "kept", "stricter")  # of each.py; the others do something when 350 ms have passed


def row(name, argv, saved, front=None, **more):
    """`saved`: the least number of connections on which the server must not have heard a byte; 0: there must be none; None: there may be."""
    return Scenario(name, argv, **{"latency": LATENCY, "timed": True, **more}), saved, front or {}


def each(client, how, saved, front=None, **more):
    """Where the time counts, the first answer takes as long without XCS too; the others need not."""
    first = [] if how in UNTIMED and not front else [str(LATENCY)]
    return row(f"{client}-{how}", ["{python}", HERE + "/each.py", "{tls}", client, how, *first], saved, front,
               timed=False, **more)


def table():
    for client in ("requests", "urllib", "http.client"):
        yield each(client, "plain", 6, rounds=1)
    yield each("httpx", "plain", 6, rounds=1, latency=800)
    yield row("ruby-each", ["ruby", "{programs}/net_http.rb", "{tls}", "each"], 6, rounds=1, timed=False)
    yield row("perl-lwp-each", ["perl", "{programs}/lwp.pl", "{tls}", "each"], 6, rounds=1, timed=False)
    yield row("php-streams", ["php", "{programs}/streams.php", "{tls}"], 6, rounds=1, timed=False)
    yield each("http.client", "kept", 3, rounds=1)
    yield each("http.client", "ask", 6, rounds=1)
    yield each("http.client", "idle", 10, rounds=1)
    # Connections that are put off and then have to be real, for what is asked of them or done with them.
    yield each("http.client", "deep", 0, rounds=1)
    yield each("http.client", "deep", 0, {"versions": TLS12}, rounds=1)
    yield each("http.client", "fork", 0, rounds=1)
    yield each("http.client", "shared", 3, wasted=7)
    yield each("http.client", "epoll", 0, wasted=7)
    # Handshakes that must not be put off: the server might choose otherwise, somebody is told of each, the peer is not to be trusted.
    yield each("http.client", "offer", 0, rounds=1)
    keys = each("http.client", "plain", 0, rounds=1)
    keys[0].name += "-key-log"
    keys[0].argv[:0] = ["/usr/bin/env", "SSLKEYLOGFILE=keys"]
    yield keys
    yield each("http.client", "stricter", 0, status=3)
    # The second call is not what was foreseen: its connection, put off, becomes real.
    for client in ("requests", "http.client"):
        yield each(client, "late", 5, rounds=3, wasted=7)
    # A binding's verification callback is the program's own: it is asked once for each connection, whatever becomes of the handshake.
    for program in (["ruby", HERE + "/verify_callback.rb"], ["perl", HERE + "/verify_callback.pl"]):
        for how, saved, rounds, wasted in (("plain", 6, 1, 0), ("late", 5, 3, 7)):
            yield row(f"{program[0]}-verify-callback-{how}", [*program, "{tls}", how], saved, rounds=rounds, wasted=wasted)
    # From 350 ms on the server shows another key, one that nobody trusts, or is gone: what was fetched before is still good.
    for how in ("plain", "late"):
        yield each("http.client", how, 5, {"later": "other-key"}, rounds=3, wasted=7)
    for client in ("requests", "http.client"):
        yield each(client, "late", 0, {"later": "unknown-ca"}, rounds=1, wasted=7, status=3)
    yield each("http.client", "late", 0, {"later": None}, wasted=7, status=3)
    # The program itself looks at the certificate, after the handshake.
    yield each("http.client", "pinned", 5, rounds=3, wasted=7)
    yield each("http.client", "pinned", 0, {"later": "other-key"}, wasted=7, status=3)
    yield each("http.client", "turns", 0, {"later": "other-key"}, wasted=7, status=3)
    # Other connections are tried, but not for long.
    yield each("http.client", "pinned", None, {"later": ("other-key", *[None] * 20)}, wasted=7, status=3, slower=15)
    php = ["php", HERE + "/late.php", "{tls}", str(LATENCY)]
    yield row("php-late", php, 5, rounds=3, wasted=7)
    yield row("php-late", php, 0, {"later": "wrong-host"}, wasted=7, status=3)
    yield row("php-late-machines", php, None, {"later": ("other-key", "good")}, wasted=14)


class Peers:
    def __init__(self, directory):
        self.authority = Authority(directory)
        self.model_port, = free_ports(1)
        self.front = CountingFront(self.authority, self.model_port)

    def prepare(self, scenario):
        """Puts the front's address, and what the clients are to trust, into a scenario's command line."""
        scenario.argv = told(self.authority, self.front.port, scenario.argv, STRANGER="stranger-ca.pem")


def check(options, peers, scenario, saved, behaviour, directory):
    """(what is wrong, remarks)."""
    def once(library=None, debug=False):
        peers.front.reset(**behaviour)
        return e2e.Run(options, scenario, directory, peers.model_port, library, debug)

    peers.prepare(scenario)
    base = once()
    problems = e2e.judge_native(scenario, base)
    native = peers.front.handshakes, peers.front.silent
    if native[1] and "idle" not in scenario.name:
        problems.append(f"{native[1]} connections without a byte, without XCS")
    if problems:
        return problems, []
    front = peers.front
    run, wrong, fast = e2e.judged(lambda: once(options.libxcs), scenario, base)
    problems += wrong
    if not fast:
        problems.append(f"{run.record.rounds()} rounds, {scenario.rounds} wanted")
    if saved is not None and (front.silent < saved or (front.silent and not saved)):
        problems.append(f"{front.silent} connections without a byte, {saved if saved > 0 else 'none'} wanted")
    remarks = [e2e.figures(scenario, base, run),
               f"handshakes {native[0]}, {front.handshakes} with; refused {front.refused}; without a byte {front.silent}"]
    if problems:
        problems += e2e.tail("stderr", once(options.libxcs, debug=True).stderr)
    return problems, remarks


def main():
    options = tap.parse(tap.parser(__doc__))
    rows = tap.chosen(options, [(r[0].name, r) for r in table()])
    with tempfile.TemporaryDirectory(prefix="xcs-lazy-") as top:
        peers = Peers(top)
        processes.become_subreaper()
        return tap.run(rows, lambda row, directory: check(options, peers, *row, directory), top)


if __name__ == "__main__":
    sys.exit(main())
