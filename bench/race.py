"""Race contenders over the same reads, and make rows of their times.

CPU time, rounds interleaved: a contender inherits the heap as the last one left it. A ratio is the median of the ratios
within each round, because absolute times drift with the machine.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

Reads = list[bytes]
Contender = Callable[[Reads], Any]
Times = dict[str, list[float]]


def on_text(text: object) -> None:
    """The callback: does nothing, so that only the call is measured."""


def race(contenders: Mapping[str, Contender], reads: Reads, rounds: int) -> Times:
    """Return the CPU seconds of each contender in each round."""
    times: Times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            started = time.process_time()
            contender(reads)
            times[name].append(time.process_time() - started)
    return times


def rows(bench: str, case: str, times: Times, count: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each contender; `ratio` is its time over the others'."""
    for name, spent in times.items():
        versus = {other: median(a / b for a, b in zip(spent, times[other], strict=True)) for other in times}
        versus.pop(name)
        yield {
            "bench": bench,
            "case": case,
            "contender": name,
            "us_per_event": median(spent) / count * 1e6,
            "ratio": versus,
        }
