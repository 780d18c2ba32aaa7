"""Clients of GnuTLS as scenarios: the C client (gnutls_client.c), wget and wget2; and git, whose libcurl is left alone."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = "-D_GNU_SOURCE -std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wconversion -Werror".split()

WGET_FILES = {"wgetrc": "header = Authorization: Bearer secret-key-7351\n",
              "body.json": '{"model":"test-model","messages":[{"role":"user","content":"secret prompt"}]}'}
JUDGES = ("ask", "typed", "flag", "callback", "session-callback", "never")
BRIEF = ("sevens", "nonblock")
READS = ("bytes", "sevens", "nonblock", "nonblock bytes", "nonblock resume")


def build(into):
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, os.path.join(HERE, "gnutls_client.c"), "-o",
                    os.path.join(into, "gnutls_client"), "-lgnutls", "-pthread"], check=True)


def scenarios(client):
    """`client(front, name, *argv, ...)` makes a row."""
    def c(front, judges, words="", name="gnutls", **more):
        return client(front, "-".join([name, judges, *words.split()]), "{bin}/gnutls_client", "{tls}", judges,
                      *words.split(), **{"rounds": 2, **more})

    def wget(front, program, how, **more):
        return client(front, f"{program}-{how}", HERE + "/wget.sh", program, "{tls}", how,
                      **{"rounds": 2, "files": WGET_FILES, **more})

    for judges in JUDGES:
        yield c("tls13", judges)
        yield c("tls13", judges, "each")
    for front in ("tls12", "tickets", "chain"):
        yield c(front, "ask")
        yield c(front, "ask", "each nonblock")
    for words in READS:
        yield c("tls13", "ask", words)
    for words in BRIEF:
        yield c("tls12", "flag", words)
    for words in ("large", "large nonblock", "large nonblock resume", "large sevens"):
        yield c("tls13", "ask", words, latency=800, rounds=4)
    yield c("tls13", "ask", "close")
    yield c("tls13", "ask", "close until-end")
    yield c("tls12", "ask", "close until-end nonblock")
    yield c("tls13", "ask", "each fresh", rounds=None)
    yield c("tls13", "ask", "abandons", rounds=None)
    yield c("tls13", "ask", "threads each", rounds=None, wasted=8)
    yield c("tls13", "callback", "threads nonblock", rounds=None, wasted=8)
    yield c("tls13", "ask", "cork", inert=True, rounds=None)
    yield c("tls13", "ask", "each resumes")
    yield c("tickets", "ask", "each resumes")
    # The connection that lies idle during HITs is closed by the server before the last call needs it.
    yield c("brief", "ask", "wait surprise", rounds=None, varies=True, wasted=1)
    yield c("brief", "ask", "wait surprise tls12 nonblock", rounds=None, varies=True, wasted=1)
    yield c("client-cert", "ask", "certificate", inert=True, rounds=None)
    for front in ("unknown-ca", "wrong-host", "expired", "self-signed"):
        for judges in ("ask", "typed", "flag", "callback", "session-callback"):
            yield c(front, judges, name="trust-verify-gnutls", status=3, rounds=None)
        yield c(front, "never", "each", name="trust-off-gnutls", rounds=2)
        for judges in JUDGES[:-1] if front == "unknown-ca" else ("ask",):
            yield c(front, "never," + judges, name="trust-off-then-verify-gnutls", status=3, rounds=2)
        yield client(front, "trust-verify-wget", HERE + "/wget.sh", "wget", "{tls}", "keep", status=5, rounds=None,
                     files=WGET_FILES)
    yield c("tls13", "ask,strange", name="trust-other-authorities-gnutls", status=3, rounds=2)
    yield c("changing", "ask", name="trust-verify-gnutls", rounds=None)
    yield wget("self-signed", "wget", "off")
    yield from (wget("tls13", "wget", how) for how in ("keep", "each", "files"))
    yield wget("tls12", "wget", "keep")
    if shutil.which("wget2"):
        yield wget("tls13", "wget2", "keep")
        yield wget("tls13", "wget2", "each")
        yield wget("tls13", "wget2", "fastopen", inert=True, rounds=None)
    yield client("tls13", "curl-gnutls", "{python}", HERE + "/curl_gnutls.py", "{tls}", inert=True, rounds=None)
    if shutil.which("git"):
        yield client("tls13", "git-gnutls", "sh", "-c", 'GIT_SSL_CAINFO="$SSL_CERT_FILE" git ls-remote "$1"', "sh", "{tls}",
                     status=128, inert=True, rounds=None)
