"""One client of the socket benchmark, in a process of its own, so that its CPU time is its own.

python -m bench.socket_client CONTENDER URL STREAMS SECONDS: prints what it measured, as JSON.

It opens all streams, waits until each has begun and the backlog of the beginning is worked off, and only then measures.
"""

import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles
from typing import Any

from .socket_contenders import CONTENDERS
from .socket_server import EVENT_SIZE

SAMPLED = 20  # streams whose latency is looked at: all alike, and looking costs
PATIENCE = 6.0  # seconds until all streams flow
LIFETIME = 30  # seconds: then the system ends the process, however busy it is
BACKLOG = 0.1  # seconds: a client whose median token is older does not keep up
STAMP = re.compile(rb"\d{19}")


class Sink:
    """Counts what comes of one stream: tokens, or the bytes that they are."""

    def __init__(self) -> None:
        self.tokens = 0
        self.bytes = 0

    def text(self, text: str) -> None:
        self.tokens += 1

    def data(self, data: Any) -> None:
        self.bytes += len(data)

    @property
    def count(self) -> float:
        return self.tokens or self.bytes / EVENT_SIZE


class SampledSink(Sink):
    """Keeps when what came, too."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[tuple[int, Any]] = []

    def text(self, text: str) -> None:
        self.tokens += 1
        self.arrivals.append((time.monotonic_ns(), text))

    def data(self, data: Any) -> None:
        self.bytes += len(data)
        self.arrivals.append((time.monotonic_ns(), data))

    def latencies(self, since: int) -> Iterator[float]:
        """Yield the seconds from the server's write to the client's hand, for all that came after `since`."""
        for now, what in self.arrivals:
            if now >= since:
                stamped = what.encode() if isinstance(what, str) else bytes(what)
                yield from ((now - int(stamp)) / 1e9 for stamp in STAMP.findall(stamped))


class Meter:
    """Measures all streams of the process."""

    def __init__(self, streams: int) -> None:
        self.sinks = [SampledSink() if number < SAMPLED else Sink() for number in range(streams)]
        self.asked = time.monotonic()

    def latencies(self, since: int) -> list[float]:
        return [latency for sink in self.sinks[:SAMPLED] for latency in sink.latencies(since)]

    def flows(self) -> bool:
        """Tell whether all have begun, and what came in the last quarter of a second was not late."""
        recent = self.latencies(time.monotonic_ns() - 250_000_000)
        return bool(recent) and median(recent) < BACKLOG and self.begun == len(self.sinks)

    def measure(self, seconds: float) -> dict[str, Any]:
        while not self.flows() and time.monotonic() < self.asked + PATIENCE:
            time.sleep(0.25)
        flowed = self.flows()
        since, cpu, count = time.monotonic_ns(), time.process_time(), self.count
        time.sleep(seconds)
        took, cpu, count = (time.monotonic_ns() - since) / 1e9, time.process_time() - cpu, self.count - count
        latencies = self.latencies(since)
        cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [PATIENCE] * 99
        return {
            "us_per_token": cpu / count * 1e6 if count else None,
            "core": cpu / took,
            "rate": count / took / len(self.sinks),
            "p50_ms": cuts[49] * 1e3,
            "p99_ms": cuts[98] * 1e3,
            "begun": self.begun,
            "holds": flowed and cuts[49] < BACKLOG,
        }

    @property
    def begun(self) -> int:
        return sum(sink.count > 0 for sink in self.sinks)

    @property
    def count(self) -> float:
        return sum(sink.count for sink in self.sinks)


def report(meter: Meter, seconds: float) -> None:
    """Measure, print, and leave: to end the streams would only take time, and not every client can."""
    print(json.dumps(meter.measure(seconds)), flush=True)
    os._exit(0)


async def in_one_loop(make: Callable[[str, int], Any], url: str, meter: Meter) -> None:
    one = make(url, len(meter.sinks))
    await asyncio.gather(*map(one, meter.sinks))


def in_threads(make: Callable[[str, int], Any], url: str, meter: Meter) -> None:
    threading.stack_size(512 * 1024)
    one = make(url, len(meter.sinks))
    with ThreadPoolExecutor(len(meter.sinks)) as threads:
        deque(threads.map(one, meter.sinks), maxlen=0)


def main(name: str, url: str, streams: int, seconds: float) -> None:
    """Run the streams, and beside them the thread that measures and ends it all; a stream that ends is an error."""
    signal.alarm(LIFETIME)
    meter = Meter(streams)
    threading.Thread(target=report, args=(meter, seconds), daemon=True).start()
    if name.endswith("threads"):
        in_threads(CONTENDERS[name], url, meter)
    else:
        asyncio.run(in_one_loop(CONTENDERS[name], url, meter))
    raise RuntimeError("the streams have ended")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
