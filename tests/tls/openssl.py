"""The C client of OpenSSL (openssl_client.c) as scenarios: built with the system's OpenSSL, and with 1.1 where scripts/setup-openssl11
has made that, as a program and as a module that is loaded RTLD_LOCAL.
"""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OPENSSL11 = os.environ.get("XCS_OPENSSL11", os.path.join(ROOT, "build", "openssl11"))
FLAGS = "-D_GNU_SOURCE -std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wconversion -Werror".split()
CLIENT = ("openssl_client.c", "openssl_modes.c", "openssl_session.c", "openssl_late.c", "openssl_watched.c", "openssl_midway.c",
          "openssl_stricter.c")

LATENCY = 200  # between two calls the client needs less than a millisecond, but eight handshakes take their time
WAYS = ("blocking", "bytes", "sevens", "ex", "peek", "peek-ex", "select", "poll", "select-ex", "poll-peek", "select-first",
        "poll-first", "no-auto-retry", "auto-retry", "pieces", "partial", "partial-pieces")
BRIEF = ("blocking", "sevens", "poll-peek", "select-first", "partial")
# mode -> the most rounds that it may take
ODD = {"questions": 1, "nothings": 1, "ends": 1, "shutdowns": 4, "reuse": 3, "descriptors": 1, "pending": 1, "exact": 2,
       "parting": 3, "abandons": None}

STRICTER = ("function", "callback", "store", "version", "time", "revocation", "authorities", "log")


def has_11():
    return os.path.exists(os.path.join(OPENSSL11, "libssl.so.1.1"))


def build(into):
    def compile_as(name, sources, *more):
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *(os.path.join(HERE, s) for s in sources), "-o",
                        os.path.join(into, name), *more], check=True)

    module = ("-shared", "-fPIC", "-fvisibility=hidden", "-DMODULE")
    libraries = ("-lssl", "-lcrypto", "-pthread")
    compile_as("openssl_client", CLIENT, *libraries)
    compile_as("openssl_client.so", CLIENT, *module, *libraries)
    compile_as("openssl_modules", ("openssl_modules.c",))
    if has_11():
        old = ("-I" + os.path.join(OPENSSL11, "include"), "-L" + OPENSSL11, "-Wl,-rpath," + OPENSSL11, *libraries)
        compile_as("openssl11_client", CLIENT, *old)
        compile_as("openssl11_client.so", CLIENT, *module, *old)


def scenarios(client):
    """`client(front, name, *argv, ...)` makes a row."""
    def c(front, mode, way="blocking", program="openssl", **more):
        return client(front, f"{program}-{mode}-{way}", "{bin}/" + program + "_client", "{tls}", mode, way,
                      **{"rounds": 2, "latency": LATENCY, **more})

    def modules(front, name, mode, turns, *of, **more):
        return client(front, "openssl-modules-" + name, "{bin}/openssl_modules", "{tls}", mode, "blocking", str(turns),
                      *("{bin}/" + m + "_client.so" for m in of), latency=LATENCY, **more)

    yield from (c("tls13", "loop", way) for way in WAYS)
    yield from (c("tls12", "loop", way) for way in BRIEF)
    yield from (c("tls13", "each", way, latency=200) for way in BRIEF)
    yield c("tls13", "large", latency=500, rounds=None)
    yield c("tls13", "large", "partial", latency=500, rounds=None)
    for front in ("tls13", "tls12"):
        yield from (c(front, mode, rounds=most) for mode, most in ODD.items())
        yield c(front, "callback", rounds=None, wasted=16)
        yield c(front, "watched", rounds=13, timed=True)  # a third of its calls may run ahead
        yield c(front, "late", rounds=4, latency=500, wasted=2, timed=True)  # two steps make XCS leave the connection alone
        yield from (c(front, "midway", way, rounds=None, latency=500, wasted=7, timed=True) for way in ("blocking", "poll"))
    yield from (client("tls13", "openssl-stricter-" + by, "/usr/bin/env", "STRICTER=" + by, "{bin}/openssl_client", "{tls}", "stricter",
                       rounds=None if by == "function" else 1) for by in STRICTER)
    yield c("tls13", "layered", rounds=None)
    yield c("brief", "limit", rounds=3, latency=900)
    yield c("brief", "seen", rounds=3, latency=900)
    # This program writes no log of its keys, so none may appear in its directory.
    yield client("tls13", "openssl-key-log", "/usr/bin/env", "SSLKEYLOGFILE=keys", "{bin}/openssl_client", "{tls}", "loop",
                 "blocking", rounds=2, latency=LATENCY)
    yield c("tls13", "threads", rounds=None)
    yield from (c("tls13", mode, rounds=None, inert=True) for mode in ("memory", "bio"))
    yield modules("tls13", "one", "loop", 1, "openssl", rounds=2)
    if not has_11():
        return
    yield from (c("tls13", "loop", way, "openssl11") for way in BRIEF)
    yield from (c("tls12", "each", way, "openssl11", latency=200) for way in BRIEF)
    yield from (c(front, mode, program="openssl11", rounds=most) for front in ("tls13", "tls12") for mode, most in ODD.items())
    yield c("tls13", "large", "partial", program="openssl11", latency=500, rounds=None)
    yield c("tls13", "threads", program="openssl11", rounds=None)
    yield c("tls12", "late", program="openssl11", rounds=4, latency=500, wasted=2, timed=True)
    yield from (c("tls13", mode, program="openssl11", rounds=None, inert=True) for mode in ("memory", "bio"))
    yield modules("tls13", "old", "loop", 1, "openssl11", rounds=2)
    yield modules("tls13", "both", "loop", 1, "openssl", "openssl11", rounds=4)
    yield modules("tls13", "in-turn", "one", 4, "openssl", "openssl11", rounds=2)  # each library meets the peer once
    yield client("tls13", "openssl-python-and-old", "{python}", HERE + "/two_openssl.py", "{tls}",
                 "{bin}/openssl11_client.so", rounds=5)
