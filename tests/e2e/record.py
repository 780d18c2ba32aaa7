"""What the model server saw in a run: the comparable requests, and how much of it happened at the same time."""
import collections
import json
import re

MODEL_PATHS = re.compile(
    r".*(/completions?|/embeddings?|/responses|/moderations|/images/generations|/messages|/infill|/rerank|[:](stream)?"
    r"[gG]enerateContent|[:](embedContent|batchEmbedContents)|/api/(chat|generate|embed)|/v[12]/(chat|embed)|/generate"
    r"|/generate_stream|/models/.+|/model/.+/(invoke|converse))")
PLACEHOLDER = re.compile("qz[a-z0-9]{14}", re.IGNORECASE)  # src/canary.h


class Record:
    """The server's log of one run."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.requests = sorted((json.loads(line) for line in f), key=lambda r: r["seq"])

    @staticmethod
    def is_model_call(request):
        return request["method"] == "POST" and MODEL_PATHS.fullmatch(request["target"].split("?")[0]) is not None

    def multiset(self):
        return collections.Counter(
            (r["method"], r["target"], tuple(r["headers"]), r["body_len"], r["body_sha256"]) for r in self.requests)

    def anonymous(self):
        """The same without the bodies, for a program whose requests differ from run to run."""
        return collections.Counter((r["method"], r["target"], (), r["body_len"], "") for r in self.requests)

    def model_calls(self):
        return [r for r in self.requests if self.is_model_call(r)]

    def rounds(self):
        """The longest chain of calls of which each began after the one before had ended."""
        count, last_end = 0, float("-inf")
        for r in sorted(self.model_calls(), key=lambda r: r["end_ms"]):
            if r["start_ms"] >= last_end:
                count, last_end = count + 1, r["end_ms"]
        return count

    def placeholders(self):
        """The requests that hold what only a run-ahead may see."""
        return [r["target"] + " " + r.get("body", "") for r in self.requests
                if PLACEHOLDER.search(r["target"] + " " + r.get("body", ""))]

    def pace(self):
        """The least time (ms) between the beginnings of two calls."""
        starts = sorted(r["start_ms"] for r in self.model_calls())
        return min((b - a for a, b in zip(starts, starts[1:])), default=float("inf"))

    def most_at_once(self):
        calls = self.model_calls()
        events = sorted([(r["start_ms"], 1) for r in calls] + [(r["end_ms"], -1) for r in calls])
        now = most = 0
        for _, step in events:
            now += step
            most = max(most, now)
        return most

    def places(self):
        """For each request that is not a model call, in order: what it is and after how many model calls it came."""
        found, before = [], 0
        for r in self.requests:
            if self.is_model_call(r):
                before += 1
            else:
                found.append((r["method"], r["target"], r["body_sha256"][:12], before))
        return found

    def in_order(self):
        return [r["body_sha256"] for r in self.requests]


def difference(base, other):
    """(missing, extra) requests of `other` against `base`, as Counters."""
    return base - other, other - base


def describe(counter, limit=6):
    lines = []
    for (method, target, headers, length, digest), n in list(counter.items())[:limit]:
        lines.append(f"{n} x {method} {target} body {length} bytes {digest[:12]} headers {list(headers)}")
    if len(counter) > limit:
        lines.append(f"... and {len(counter) - limit} more")
    return lines
