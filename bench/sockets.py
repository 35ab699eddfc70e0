"""Real sockets: what a token costs from the wire to the callback, how late it is, and how many streams one core holds.

A server on the loopback says 50 tokens a second on each stream, one event of 338 bytes a write. Each contender reads 1,
200 and 1,000 such streams at once, in a process of its own and on one core, the server on another. CPU time is that of
the whole process while all streams flow, latency from the server's write to the callback. Who does not keep up with a
load is not given a greater one. Linux only.

`core` is the share of a core that was used, `rate` the tokens a second that came on a stream: below 50 with no backlog
the machine was too busy for the server, and the other numbers are worth little.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .socket_contenders import CONTENDERS
from .socket_server import RATE

LOADS = (1, 200, 1_000)
SECONDS = 2.0
CAPACITY_OF = {"streamfold": 200, "aiohttp, bare": 200, "openai on aiohttp": 25, "openai on httpx": 25}
"""Whose limit is looked for, and where to begin."""

REFERENCES = ("aiohttp, bare", "openai on aiohttp", "openai on httpx", "urllib3, bare, threads", "openai, threads")
"""Whose CPU time the others' is compared to, among those of the same kind."""

OWN_FOLDERS = {"niquests, bare": Path(__file__).parents[1] / ".cache" / "niquests"}
"""Where a client lies that must not lie beside the others: niquests brings a fork of urllib3 in its place."""

Row = dict[str, Any]
OVERWHELMED: Row = {"us_per_token": None, "holds": False, "rate": 0.0}


def run() -> list[Row]:
    with server() as url:
        return [*loads(url), *capacities(url)]


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.socket_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    os.sched_setaffinity(process.pid, {cpus()[-1]})
    with process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def measure(name: str, url: str, streams: int) -> Row:
    """Run one client; an error of it is an error of the benchmark."""
    environment = dict(os.environ)
    if name in OWN_FOLDERS:
        environment["PYTHONPATH"] = os.pathsep.join([str(OWN_FOLDERS[name]), *sys.path])
    command = [sys.executable, "-m", "bench.socket_client", name, url, str(streams), str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        os.sched_setaffinity(process.pid, {cpus()[0]})
        output, _ = process.communicate()
    if process.returncode == -signal.SIGALRM:
        return OVERWHELMED
    if process.returncode:
        raise RuntimeError(f"{name} failed with {streams:,} streams")
    return json.loads(output)


def loads(url: str) -> Iterator[Row]:
    results: dict[str, Row] = {}
    for streams in LOADS:
        results = {name: at_load(name, url, streams, results.get(name)) for name in CONTENDERS if is_here(name)}
        for name, result in results.items():
            case = f"{streams:,} stream{'s' * (streams > 1)} at {RATE} tokens/s"
            yield {"bench": "sockets", "case": case, "contender": name, **result, "ratio": ratios(name, results)}


def is_here(name: str) -> bool:
    return name not in OWN_FOLDERS or OWN_FOLDERS[name].is_dir()


def at_load(name: str, url: str, streams: int, before: Row | None) -> Row:
    """Measure it, unless less was too much: for it, or for the machine that it runs on."""
    if before is not None and not (before["holds"] and before["rate"] > 0.9 * RATE):
        return {**OVERWHELMED, "note": "not tried: less was too much"}
    result = measure(name, url, streams)
    if result is OVERWHELMED:
        return {**OVERWHELMED, "note": "cannot hold: overwhelmed"}
    late = f"late by {result['p50_ms']:.2f} ms (p50), {result['p99_ms']:.1f} ms (p99)"
    if not result["holds"]:
        late = f"cannot hold: {result['begun']:,} began, {late}, {result['core']:.0%} of a core"
    return {**result, "note": late}


def ratios(name: str, results: dict[str, Row]) -> dict[str, float]:
    """Return its CPU time over that of those it is compared to."""
    kind = name.endswith("threads")
    others = [
        other for other in results if other.endswith("threads") == kind and other.startswith(("aio", "url", "op"))
    ]
    mine = results[name]["us_per_token"]
    theirs = {other: results[other]["us_per_token"] for other in others if other != name}
    return {other: mine / cost for other, cost in theirs.items() if mine and cost}


def capacities(url: str) -> Iterator[Row]:
    found = {name: capacity(name, url, start) for name, start in CAPACITY_OF.items()}
    for name, streams in found.items():
        ratio = {other: streams / theirs for other, theirs in found.items() if other != name}
        case = f"streams at {RATE} tokens/s that one core holds"
        yield {"bench": "sockets", "case": case, "contender": name, "streams": streams, "ratio": ratio}


def capacity(name: str, url: str, start: int) -> int:
    """Return how many streams it keeps up with: double until it does not, then halve the interval three times."""
    high = start
    while measure(name, url, high)["holds"]:
        high *= 2
    low = high // 2
    for _ in range(3):
        middle = (low + high) // 2
        if measure(name, url, middle)["holds"]:
            low = middle
        else:
            high = middle
    return low
