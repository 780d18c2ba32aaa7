"""What XCS costs where it gains nothing: calls that need each other, a program's start, and calls on descriptors and TLS
connections that are none of its business.
"""
import re
import shutil
import statistics
import sys
import tempfile

from .harness import CHAIN_CALLS, CHAIN_MS, PYTHON, environment, model_server, python, timed

ENTRIES = ("read-file", "write-null", "socket-write+read", "socket-poll")
ENTRY_COUNT = {"ns": 1000000, "instructions": 20000}
CALLS_PER_ENTRY = {"socket-write+read": 2}
RECORDS = (("openssl", "write"), ("openssl", "read"), ("gnutls", "write"), ("gnutls", "read"))
RECORD_COUNT = 200000
RECORD_BAR_NS = 100


def chain(build, quick):
    """Calls that each need the one before: what XCS adds to one, in ms."""
    result = {}
    with model_server(build, CHAIN_MS) as url:
        command = python("chain.py") + [url, str(CHAIN_CALLS)]
        outputs = set()
        for way, preload in (("without", False), ("with", True)):
            runs = []
            for _ in range(3 if quick else 9):
                seconds, done = timed(command, environment(build, preload))
                runs.append((seconds, float(done.stderr.split()[-1])))
                outputs.add(done.stdout)
            result[way] = {"total_s": statistics.median(r[0] for r in runs),
                           "call_ms": statistics.median(r[1] for r in runs)}
    if len(outputs) != 1:
        sys.exit("chain: the outputs differ")
    result["added_ms"] = result["with"]["call_ms"] - result["without"]["call_ms"]
    print(f"\nchain of {CHAIN_CALLS} dependent calls of {CHAIN_MS} ms: median call {result['without']['call_ms']:.2f} ms "
          f"without, {result['with']['call_ms']:.2f} ms with: {result['added_ms']:+.2f} ms")
    return result


def start(build, quick):
    """What starting a program costs, in ms."""
    result = {}
    print("\nms to start and end")
    for name, command in (("true", ["true"]), ("python3 -c pass", [PYTHON, "-c", "pass"])):
        ways = {"without": (command, False), "LD_PRELOAD": (command, True),
                "xcs run": ([build.xcs, "run", "--"] + command, False)}
        times = {way: [] for way in ways}
        for _ in range(30 if quick else 150):  # in turn, so that a busy moment hits all three
            for way, (line, preload) in ways.items():
                times[way].append(1000 * timed(line, environment(build, preload))[0])
        result[name] = {way: statistics.median(values) for way, values in times.items()}
        print(f"{name:>16}: " + ", ".join(f"{way} {value:.2f}" for way, value in result[name].items()))
    return result


def instructions(build, command, count, preload):
    """Instructions of the whole program, by callgrind."""
    with tempfile.TemporaryDirectory(prefix="xcs-bench-") as directory:
        done = timed(["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", *command,
                      str(count)], environment(build, preload))[1]
    return int(re.search(rb"Collected : (\d+)", done.stderr).group(1))


def added_instructions(build, command, count):
    """What XCS adds to each of count repetitions; nan without valgrind."""
    if not shutil.which("valgrind"):
        return float("nan")
    few = min(count // 100, 200)
    cost = [instructions(build, command, count, preload) - instructions(build, command, few, preload)
            for preload in (False, True)]
    return (cost[1] - cost[0]) / (count - few)


def entry(build, quick):
    """What a call costs on a descriptor that is none of XCS's business."""
    result = {}
    print("\na call on an unrelated descriptor: ns without, with, added; instructions added")
    for kind in ENTRIES:
        per_run = CALLS_PER_ENTRY.get(kind, 1)
        ns = {False: [], True: []}
        for _ in range(5 if quick else 15):
            for preload in ns:
                done = timed([build.entry, kind, str(ENTRY_COUNT["ns"])], environment(build, preload))[1]
                ns[preload].append(float(done.stdout) / per_run)
        row = {"without_ns": min(ns[False]), "with_ns": min(ns[True])}
        row["added_ns"] = row["with_ns"] - row["without_ns"]
        row["added_instructions"] = added_instructions(build, [build.entry, kind], ENTRY_COUNT["instructions"]) / per_run
        result[kind] = row
        print(f"{kind:>18}: {row['without_ns']:7.1f} {row['with_ns']:7.1f} {row['added_ns']:+7.1f}; "
              f"{row['added_instructions']:.1f}", flush=True)
    return result


def record(build, quick):
    """What a record costs on a TLS connection that passes untouched, in the client's processor time."""
    result = {}
    print("\na TLS record that passes untouched: ns without, with, added; instructions added to both ends")
    for library, kind in RECORDS:
        name = f"{library}-{kind}"
        ns = {False: [], True: []}
        for _ in range(7 if quick else 21):
            for preload in ns:
                done = timed([build.record, library, kind, str(RECORD_COUNT)], environment(build, preload))[1]
                ns[preload].append(float(done.stdout))
        row = {"without_ns": min(ns[False]), "with_ns": min(ns[True])}
        row["added_ns"] = row["with_ns"] - row["without_ns"]
        row["added_instructions"] = added_instructions(build, [build.record, library, kind], RECORD_COUNT // 10)
        result[name] = row
        print(f"{name:>18}: {row['without_ns']:7.1f} {row['with_ns']:7.1f} {row['added_ns']:+7.1f}, "
              f"less than {RECORD_BAR_NS} wanted; {row['added_instructions']:.1f}", flush=True)
    return result
