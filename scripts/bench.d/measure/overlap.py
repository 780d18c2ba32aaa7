"""What overlapping gains: XCS against what people write by hand, over plain HTTP, over TLS and with libcurl."""
import contextlib
import glob
import os
import re
import statistics
import sys
import threading

from .harness import CHAIN_CALLS, CHAIN_MS, LATENCY_MS, PROGRAMS, alternate, environment, model_server, python, timed, tls_front

CALLS = (1, 8, 32, 128, 512)
TLS_CALLS = 32
TLS_BARS = {"kept": 1.15, "each": 1.4}  # XCS to the better of the hand-written ones, at the most
CURL_CALLS = 32


class EngineMemory(threading.Thread):
    """Watches the engine while a program runs: the most memory that it had, in MiB."""

    def __init__(self, xcs):
        super().__init__(daemon=True)
        self.xcs, self.peak, self.over = os.path.realpath(xcs), 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            for status in glob.glob("/proc/[0-9]*/status"):
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    if os.readlink(os.path.dirname(status) + "/exe") == self.xcs:
                        kib = int(re.search(r"VmHWM:\s+(\d+)", open(status).read()).group(1))
                        self.peak = max(self.peak, kib / 1024)

    def stop(self):
        self.over.set()
        self.join()
        return self.peak


def speed(build, quick):
    """The same calls, written in six ways; wall time with start-up."""
    ways = {
        "sequential": (python("sequential.py"), False),
        "xcs": (python("sequential.py"), True),
        "asyncio httpx": (python("asyncio_httpx.py"), False),
        "asyncio aiohttp": (python("asyncio_aiohttp.py"), False),
        "threads": (python("threads.py"), False),
        "xargs curl": ([os.path.join(PROGRAMS, "xargs_curl")], False),
        "C multi": ([build.multi], False),
    }
    same_output = ("sequential", "xcs", "asyncio httpx", "asyncio aiohttp", "threads")
    rows = []
    print(f"seconds for N calls of {LATENCY_MS} ms, start-up included")
    print(f"{'N':>5} " + " ".join(f"{way:>15}" for way in ways) + "   xcs/asyncio  xcs/C  speed-up  engine MiB")
    with model_server(build, LATENCY_MS) as url:
        for calls in CALLS:
            row, outputs = {"calls": calls}, {}
            for way, (command, preload) in ways.items():
                long_run = way == "sequential" and calls >= 128
                if long_run and quick:
                    row[way] = None
                    continue
                memory = EngineMemory(build.xcs) if preload else None
                if memory:
                    memory.start()
                times = []
                for _ in range(1 if long_run else 2 if quick else 5):
                    seconds, done = timed(command + [url, str(calls)], environment(build, preload))
                    times.append(seconds)
                    outputs.setdefault(way, done.stdout)
                    if outputs[way] != done.stdout:
                        sys.exit(f"{way}: two runs, two outputs")
                row[way] = statistics.median(times)
                if memory:
                    row["engine_mib"] = memory.stop()
            if len({outputs[way] for way in same_output if way in outputs}) != 1:
                sys.exit(f"{calls} calls: the outputs differ")
            asyncio = min(row["asyncio httpx"], row["asyncio aiohttp"])
            row["xcs/asyncio"] = row["xcs"] / asyncio
            row["xcs/C multi"] = row["xcs"] / row["C multi"]
            row["speed-up"] = row["sequential"] / row["xcs"] if row["sequential"] else None
            rows.append(row)
            print(f"{calls:>5} " + " ".join(f"{row[w]:15.3f}" if row[w] else f"{'-':>15}" for w in ways)
                  + f"   {row['xcs/asyncio']:11.2f}  {row['xcs/C multi']:5.2f}  "
                  + (f"{row['speed-up']:8.1f}" if row["speed-up"] else f"{'-':>8}") + f"  {row['engine_mib']:10.1f}",
                  flush=True)
    return rows


def tls(build, quick):
    """The same calls over TLS: on one connection that is kept, and with a connection for each call."""
    ways = {
        "kept": (python("sequential.py"), False),
        "kept, xcs": (python("sequential.py"), True),
        "each": (python("sequential_each.py"), False),
        "each, xcs": (python("sequential_each.py"), True),
        "asyncio httpx": (python("asyncio_httpx.py"), False),
        "asyncio aiohttp": (python("asyncio_aiohttp.py"), False),
    }
    row, outputs = {"calls": TLS_CALLS}, set()
    print(f"\nseconds for {TLS_CALLS} calls of {LATENCY_MS} ms over TLS 1.3, start-up included")
    with model_server(build, LATENCY_MS) as model, tls_front(model) as (url, ca):
        times = {way: [] for way in ways}
        for turn in range(3 if quick else 9):  # in turn, so that a busy moment hits all
            for way, (command, preload) in ways.items():
                if turn and way in ("kept", "each"):
                    continue  # long, and as long each time
                env = environment(build, preload) | {"SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca}
                seconds, done = timed(command + [url, str(TLS_CALLS)], env)
                times[way].append(seconds)
                outputs.add(done.stdout)
    if len(outputs) != 1:
        sys.exit("tls: the outputs differ")
    row |= {way: statistics.median(values) for way, values in times.items()}
    asyncio = min(row["asyncio httpx"], row["asyncio aiohttp"])
    print("; ".join(f"{way} {row[way]:.3f}" for way in ways))
    for how, bar in TLS_BARS.items():
        row[how + ", xcs/asyncio"] = row[how + ", xcs"] / asyncio
        print(f"{how:>16}: xcs/asyncio {row[how + ', xcs/asyncio']:.2f}, at the most {bar} wanted", flush=True)
    return row


def curl(build, quick):
    """libcurl's easy interface one call after the other, against its multi interface by hand; and what a chained call costs."""
    php = ["php", os.path.join(PROGRAMS, "easy.php")]
    forms = {"C": ([build.easy], [build.multi], lambda way: []), "PHP": (php, php, lambda way: [way])}
    result = {}
    print(f"\nlibcurl: seconds for {CURL_CALLS} calls of {LATENCY_MS} ms, start-up included; ms that XCS adds to a chained call")
    for name, (easy, multi, way_of) in forms.items():
        with model_server(build, LATENCY_MS) as url:
            words = [url, str(CURL_CALLS)]
            ways = {"easy": (easy + words + way_of("easy"), environment(build, False)),
                    "xcs": (easy + words + way_of("easy"), environment(build, True)),
                    "multi": (multi + words + way_of("multi"), environment(build, False))}
            row, outcome = alternate(ways, 3 if quick else 9)
            if len({done.stdout for done in outcome.values()}) != 1:
                sys.exit(f"libcurl, {name}: the outputs differ")
        with model_server(build, CHAIN_MS) as url:
            command = easy + [url, str(CHAIN_CALLS), "chain"]
            added = []
            for _ in range(3 if quick else 9):
                calls = [float(timed(command, environment(build, preload))[1].stderr) for preload in (False, True)]
                added.append(calls[1] - calls[0])
        row["xcs/multi"] = row["xcs"] / row["multi"]
        row["chain_added_ms"] = statistics.median(added)
        result[name] = row
        print(f"{name:>5}: easy {row['easy']:.3f}, xcs {row['xcs']:.3f}, multi {row['multi']:.3f}, "
              f"xcs/multi {row['xcs/multi']:.2f}; chained {row['chain_added_ms']:+.2f} ms", flush=True)
    return result
