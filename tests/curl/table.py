"""The table of the tests on libcurl: one row, one promise. run.py runs each without and with XCS and compares.

In an argv, {direct} is the model server's address, {h1}, {h2} … a front's (fronts.py), {ca} the file of authorities, {here} this
directory and {bin} where the compiled programs are. Braces that are meant are doubled.
"""
import dataclasses
import json
import signal

from scenarios import Scenario

FAST = {"rounds": 2, "latency": 200}  # six calls, one after the other without XCS


@dataclasses.dataclass
class Row(Scenario):
    example: bool = False  # needs the web front and the examples' names
    setting: str = ""      # of the environment, without XCS too
    masked: bool = False   # numbers in what it prints and writes are times, ports, addresses of its memory


def c(program, way, where="{direct}/v1", name="", **more):
    return Row(f"c/{program}-{way}{'/' + name if name else ''}", ["{bin}/curl_" + program, where, way], **more)


BODIES = [
    *(c("bodies", way, **FAST) for way in ("postfields", "copied", "sized", "sized-copy", "resized", "large")),
    *(c("bodies", "postfields", f"{{{front}}}/v1", front, **FAST) for front in ("h1", "h2", "plain")),
    # A body that a callback brings is known only when libcurl asks for it.
    *(c("bodies", way) for way in ("read-function", "read-in-steps", "read-chunked", "upload", "read-file")),
    c("bodies", "mime", "{plain}/form/v1"),
    c("bodies", "changing"),
    c("bodies", "custom-request"),
]

SINKS = [
    *(c("sinks", way, **FAST)
      for way in ("memory", "headers", "stdout", "untouched", "file", "header-in-body", "header-data", "progress")),
    c("sinks", "headers", "{h1}/v1", "h1", **FAST),
    c("sinks", "headers", "{h2}/v1", "h2", **FAST),
    c("sinks", "memory", name="large", server=("--size=300000",), **FAST),
    c("sinks", "memory", "{h2}/v1", "large-h2", server=("--size=300000",), **FAST),
    c("sinks", "small-buffer", server=("--size=50000",), **FAST),
    c("sinks", "memory", name="chunked", server=("--chunked",), **FAST),
    c("sinks", "headers", name="chunked", server=("--chunked",), **FAST),
    c("sinks", "header-in-body", name="empty", server=("--size=0", "--chunked"), **FAST),
    c("sinks", "memory", "http://model.test/v1", "proxy-of-environment", setting="http_proxy={plain}", **FAST),
    c("sinks", "stream", latency=200, timed=True),
    c("sinks", "stream", "{h2}/v1", "h2", latency=200, timed=True),
    c("sinks", "verbose"),
]

HANDLES = [
    *(c("handles", way, **FAST) for way in ("each", "copies", "copy-outlives", "reset", "shared")),
    c("handles", "each", "{h2}/v1", "h2", **FAST),
    c("handles", "shared", "{h2}/v1", "h2", **FAST),
    *(c("handles", way) for way in ("odd-order", "misuse", "inside", "nested", "multi", "threads", "connect-only")),
    c("handles", "final", rounds=3, latency=300),
    c("handles", "final", "{h2}/v1", "h2", rounds=3, latency=300),
    c("handles", "final", name="one-connection", wasted=18, server=("--max-connections", "1")),
    c("handles", "many", rounds=12, latency=50, watch=True),
    c("handles", "forked"),
    c("handles", "late-proxy"),
    c("handles", "late-directory", "{h2}/v1", "h2"),
    *(c("handles", "final", "{h2}/v1", f"engine-killed-{int(1000 * after)}ms", latency=200, wasted=18,
        sabotage=("engine", signal.SIGKILL, after, True)) for after in (0, 0.05, 0.2, 0.21, 0.3)),
    c("sinks", "memory", name="engine-killed-large", latency=200, wasted=12, server=("--size=5000000",),
      sabotage=("engine", signal.SIGKILL, 0.25, True)),
    c("handles", "many", name="ahead-killed", latency=50, wasted=150, sabotage=("ahead", signal.SIGKILL, 0, True)),
    c("handles", "final", "{h2}/v1", "launched", rounds=3, latency=200, launcher=True),
    c("handles", "final", "{h2}/v1", "off", inert=True, env={"XCS": "off"}),
    c("handles", "chain", order=True),
    c("handles", "chain", "{h2}/v1", "h2", order=True),
]

CHANGES = [
    c("changes", "late-place", **FAST),
    c("changes", "copy-inside"),
    *(c("changes", way, "{plain}/cookie/v1", wasted=6) for way in ("jar-kept", "jar-shared")),
    *(c("changes", way) for way in ("names-kept", "no-body")),
    c("changes", "status-inside", latency=200),
    c("changes", "status-inside", "{h2}/v1", "h2", latency=200),
]

ERRORS = [
    *(c("errors", way, wasted=8) for way in (
        "status-400", "status-429", "status-500", "fail-404", "fail-503", "drop", "reset", "hangup", "timeout",
        "too-large", "write-error", "header-error", "progress-abort", "progress-abort-first", "pause")),
    c("errors", "fail-404", "{h2}/v1", "h2", wasted=8),
    c("errors", "drop", "{h2}/v1", "h2", wasted=8),
    # A read callback that refuses has said nothing yet of how much the server is sent of the request.
    c("errors", "read-abort", wasted=8, saved=1),
    *(c("errors", way, wasted=8) for way in ("refused", "unknown-host", "bad-url", "unknown-scheme")),
    c("errors", "no-authorities", "{h2}/v1", "h2", wasted=8),
    c("errors", "untrusted", "{expired}/v1", "expired"),
    c("errors", "untrusted", "{wrong-host}/v1", "wrong-host"),
    c("errors", "verified-late", "{expired}/v1", "expired", latency=300, rounds=2),
    c("errors", "verified-late", "{wrong-host}/v1", "wrong-host", latency=300, rounds=2),
]

OPTIONS = [
    *(c("options", way, **FAST) for way in (
        "names", "headers", "basic", "user-and-password", "bearer", "in-the-url", "no-scheme", "strings-are-copied",
        "url-handle", "path-as-is", "no-proxy", "http11", "limits", "fresh")),
    *(c("options", way, "{plain}/gzip/v1", **FAST) for way in ("gzip", "all-encodings", "gzip-raw")),
    c("options", "redirects", "{plain}/redirect/v1", **FAST),
    c("options", "follow", "{plain}/redirect/v1", "keeps-post", **FAST),
    c("options", "follow", "{plain}/moved/v1", "becomes-get", wasted=6),  # none of the answers is one
    c("options", "nothing", "{plain}/redirect/v1", "not-followed"),
    c("options", "any-auth", "{plain}/login/v1"),
    # The first answer sets a cookie that the later requests carry.
    c("options", "cookie-engine", "{plain}/cookie/v1", wasted=6),
    c("options", "expect"),
    c("options", "fragment", "{h2}/v1", "h2"),
    c("options", "http10"),
    c("options", "own-sockets"),
    c("options", "resolve", **FAST),
    c("options", "connect-to", **FAST),
    c("options", "proxy", **FAST),
    c("options", "prior-knowledge", "{h2c}/v1"),
    *(c("options", way, "{h2}/v1", "h2", **FAST)
      for way in ("http11", "http2", "unverified", "tls12", "authorities-in-memory", "limits", "in-the-url")),
]

INFO = [c("info", way, where, name, server=("--size=20000",), timed=True, **FAST) for way in ("each", "one-handle")
        for name, where in (("direct", "{direct}/v1"), ("h1", "{h1}/v1"), ("h2", "{h2}/v1"))]


def php(way, where="{direct}/v1", name="", **more):
    return Row(f"php/{way}{'/' + name if name else ''}",
               ["php", "-d", "curl.cainfo={ca}", "{here}/loop.php", where, way], **more)


PHP = [
    *(php(way, **FAST) for way in ("loop", "functions", "generator", "one-handle", "write-function", "to-output", "file",
                                   "info", "copy-and-reset")),
    php("loop", "{h1}/v1", "h1", **FAST),
    php("functions", "{h2}/v1", "h2", **FAST),
    php("info", "{h2}/v1", "h2", **FAST),
    php("short-write", wasted=6),
    php("errors", wasted=8),
    php("chain", order=True),
    php("chain", "{h2}/v1", "h2", order=True),
    php("multi"),
    php("one-handle", name="one-connection", wasted=18, server=("--max-connections", "1")),
]


def pycurl(way, where="{direct}/v1", name="", **more):
    return Row(f"pycurl/{way}{'/' + name if name else ''}",
               ["/usr/bin/python3", "{here}/loop_pycurl.py", where, way], **more)


PYCURL = [
    *(pycurl(way, **FAST) for way in ("in-memory", "callbacks", "to-file")),
    pycurl("as-string", rounds=4, latency=300),  # twelve calls
    pycurl("in-memory", "{h1}/v1", "h1", **FAST),
    pycurl("in-memory", "{h2}/v1", "h2", **FAST),
    pycurl("errors", wasted=8),
    pycurl("raising", wasted=8),
    pycurl("chain", order=True),
    *(pycurl(way) for way in ("reading", "threads", "multi")),
]


def ask(number):
    call = {"model": "test-model", "messages": [{"role": "user", "content": f"question {number}"}]}
    return json.dumps(call).replace("{", "{{").replace("}", "}}")


def curl(name, *words, **more):
    return Row("curl/" + name, ["curl", "-sS", "--cacert", "{ca}", *words], **more)


KIND = ("-H", "Content-Type: application/json", "-H", "Authorization: Bearer test-key")
TELL = "%{{http_code}} %{{size_download}} %{{num_redirects}} %{{http_version}} %{{url_effective}} %{{content_type}}\n"


def next_calls(where, *options):
    """Six calls of one command, with --next between them."""
    for i in range(6):
        if i:
            yield "--next"
        yield from ("-sS", "--cacert", "{ca}", *KIND, *(o.replace("NUMBER", str(i)) for o in options), "-d", ask(i),
                    where + "/chat/completions")


CURL = [
    curl("urls", *KIND, "-d", ask(0), *["{direct}/v1/chat/completions"] * 6, **FAST),
    curl("urls-query", *KIND, "-d", ask(0), "{direct}/v1/chat/completions?[1-6]", **FAST),
    curl("next", *next_calls("{direct}/v1"), **FAST),
    curl("next-h1", *next_calls("{h1}/v1"), **FAST),
    curl("next-h2", *next_calls("{h2}/v1"), **FAST),
    curl("next-files", *next_calls("{direct}/v1", "-o", "answer-NUMBER", "-D", "heads-NUMBER"), **FAST),
    # With -w it asks for the peer's certificates: over TLS its calls are left alone.
    curl("next-write-out", *next_calls("{direct}/v1", "-w", TELL), **FAST),
    curl("next-write-out-h2", *next_calls("{h2}/v1", "-w", TELL)),
    curl("next-include", *next_calls("{direct}/v1", "-i"), **FAST),
    curl("next-header-json", *next_calls("{direct}/v1", "-o", "answer-NUMBER", "-w", "%{{header_json}}\n"), **FAST),
    curl("next-compressed", *next_calls("{plain}/gzip/v1", "--compressed"), **FAST),
    curl("next-fail", *next_calls("{direct}/v1"), "--next", "-f", *KIND, "-d", "[[status=500]]", "{direct}/v1/chat/completions",
         status=22, wasted=8),
    curl("next-refused", *next_calls("{direct}/v1"), "--next", "-sS", "-d", ask(9), "http://127.0.0.1:9/v1/chat/completions",
         status=7, wasted=8),
    curl("remote-name", *KIND, "-d", ask(0), *["-OJ", "{direct}/v1/chat/completions"], "--next", "-sS", "-O",
         "{direct}/v1/models"),
    curl("parallel", "-Z", "--no-progress-meter", *KIND, "-d", ask(0), *["{direct}/v1/chat/completions"] * 6),
    curl("gets", *["{direct}/v1/models"] * 4),
    curl("http-proxy", "--proxy", "{plain}", *KIND, "-d", ask(0), *["http://model.test/v1/chat/completions"] * 6, **FAST),
]

R = [Row("r/RCurl", ["Rscript", "--vanilla", "{here}/loop.R", "{direct}/v1", "RCurl"], **FAST),
     Row("r/curl", ["Rscript", "--vanilla", "{here}/loop.R", "{direct}/v1", "curl"])]

# libcurl's published examples, unchanged. Those that speak another protocol find no server. Left out are those that print
# how often they were called back, or what was drawn at random.
EXAMPLES = {
    "http": ("altsvc certinfo getinfo getinmemory getredirect getreferrer http-post https parseurl postinmemory resolve"
             " shared-connection-cache simple simplepost sslbackend httpput-postfields httpput anyauthput multi-app"
             " multi-double multi-legacy multi-single postit2 postit2-formadd").split(),
    "verbose": ("cacertinmem cookie_interface externalsocket fileupload headerapi httpcustomheader multi-debugcallback"
                " multi-formadd multi-post persistent post-callback sepheaders simplessl urlapi url2file"
                " usercertinmem").split(),
    "other": ("ftp-wildcard ftpget ftpgetinfo ftpgetresp ftpsget ftpupload ftpuploadfrommem imap-append imap-fetch"
              " imap-list imap-tls multithread pop3-list pop3-retr sftpget smtp-mail smtp-mime smtp-tls").split(),
}
EXAMPLE_FILES = {name: "some text\n" * 3 for name in ("debugit", "postit2.c", "postit2-formadd.c", "multi-post.c",
                                                      "multi-formadd.c", "cacert.pem", "uploadthis.txt", "put")}
EXAMPLE_WORDS = {"url2file": ["http://example.com/v1/models"], "httpput-postfields": ["put", "http://example.com/put"],
                 "httpput": ["put", "http://example.com/put"], "anyauthput": ["put", "http://example.com/put"]}
PUBLISHED = [Row(f"example/{name}", ["{bin}/example-" + name, *EXAMPLE_WORDS.get(name, ())], example=True,
                 files=EXAMPLE_FILES, masked=kind != "http", latency=1, status=None)
             for kind, names in EXAMPLES.items() for name in names]

ROWS = BODIES + SINKS + HANDLES + CHANGES + ERRORS + OPTIONS + INFO + PHP + PYCURL + CURL + R + PUBLISHED
