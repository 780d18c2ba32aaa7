"""The end-to-end scenarios of languages whose clients XCS passes, or follows as it follows C. A row names the commands that
it needs and is left out where one of them is not there: scripts/setup installs neither Node nor Go, Java, Rust or Tcl.
"""
from scenarios import Scenario

SOURCES = "{programs}/"


def inert(name, *argv, **more):
    return Scenario("language/" + name, list(argv), inert=True, **more)


def ahead(name, *argv, rounds=3, **more):
    return Scenario("language/" + name, list(argv), latency=200, rounds=rounds, wasted=1, **more)


JAVA = {"needs": ("java", "javac"), "build": ("javac", "-d", "{built}", SOURCES + "Loop.java")}
RUN_JAVA = ("{java}", "-Xshare:auto", "-cp", "{built}", "Loop", "{url}")
GO = {"needs": ("go",)}

LANGUAGES = [
    # Event loops in one thread, which wait in epoll.
    *(inert("node-" + how, "{node}", SOURCES + "loop.mjs", "{url}", how, needs=("node",)) for how in ("fetch", "http")),
    inert("java-client", *RUN_JAVA, "client", **JAVA),
    ahead("java-connection", *RUN_JAVA, "connection", rounds=4, **JAVA),
    # System calls without libc: in a static program, and in one that has loaded XCS.
    inert("go", "{built}/loop", "{url}", build=("go", "build", "-o", "{built}/loop", SOURCES + "loop.go"), **GO),
    inert("go-linked", "{built}/loop", "{url}",
          build=("go", "build", "-ldflags=-linkmode=external", "-o", "{built}/loop", SOURCES + "loop.go"), **GO),
    ahead("rust", "{built}/loop", "{url}", needs=("rustc",),
          build=("rustc", "-O", "-o", "{built}/loop", SOURCES + "loop.rs")),
    *(inert("tcl-" + how, "{tclsh}", SOURCES + "socket.tcl", "{url}", how, needs=("tclsh",))
      for how in ("http", "socket")),
    inert("bash", "bash", SOURCES + "dev_tcp.sh", "{url}"),
    ahead("lua", "lua5.4", SOURCES + "luasocket.lua", "{url}"),
    ahead("perl-mojo", "perl", SOURCES + "mojo.pl", "{url}"),
]
