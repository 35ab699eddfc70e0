"""Measure a reply: how soon it began, how evenly it flowed, how fast it came.

A `Meter` takes marks in seconds of any one monotonic clock, which nothing here reads, and gives a `Timing`. Gaps go
into a histogram whose buckets grow by a fixed ratio, as in DDSketch (Masson, Rim and Lee, VLDB 2019): a percentile is
within `GAP_ERROR` of the true one however long the stream, for at most about 800 buckets between a microsecond and a
year. The maximum is exact. Cost: a stamp is an append of eight bytes, far less than the content itself takes; the
logarithm and the dictionary are for when somebody asks.

How a driver uses it::

    meter = Meter(now())
    for each read: meter.read(len(data), events=how many)
    for each read that held content: meter.stamp(now())
    reply.timing = meter.timing(now())             # at any time; it changes nothing
    reply.timing.per_second(reply.usage.output_tokens)    # tokens, where the provider counted them
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log

GAP_ERROR = 0.02
"""How far a percentile of the gaps may be off, as a share of its value."""

SHORTEST_GAP = 1e-6
"""Seconds; what is shorter counts as no gap. It bounds the number of buckets."""

_RATIO = (1 + GAP_ERROR) / (1 - GAP_ERROR)
_PER_LOG = 1 / log(_RATIO)


@dataclass(frozen=True, slots=True)
class Timing:
    """When the content of a reply came. What cannot be told, for want of content, is ``None``.

    A gap is the time between two reads that held content; deltas that came in one read have none between them. `fold`
    over a source in this process, without limits, takes no time for each read: of its gaps nothing is known.

    Attributes:
        first: Seconds from the request to the first content.
        generating: Seconds from the first content to the last.
        total: Seconds from the request to the end, or until now.
        gap_p50: The median gap, in seconds.
        gap_p95: The gap that 95 % of all do not exceed, in seconds.
        gap_max: The longest gap, in seconds.
        deltas: How many pieces of content came.
        events: How many events, or frames of another kind, they were.
        bytes: How many bytes were read.
    """

    first: float | None
    generating: float | None
    total: float
    gap_p50: float | None
    gap_p95: float | None
    gap_max: float | None
    deltas: int
    events: int
    bytes: int

    def per_second(self, n: int | None = None) -> float | None:
        """Return how many came a second while content flowed.

        The first one is not counted: waiting for it is `first`, not speed.

        Args:
            n: How many came in all: the tokens, where the provider counted them; else `deltas`.
        """
        n = self.deltas if n is None else n
        return (n - 1) / self.generating if self.generating and n > 1 else None


class Meter:
    """Take the marks of one stream.

    Args:
        started: When the request was made, in seconds.

    Attributes:
        stamp: Note that content came, at the time that is given: one piece, in one read.
        n_bytes: How many bytes came.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._first: float | None = None
        self._last = started
        self._longest = 0.0
        self._buckets: Counter[int] = Counter()
        self._deltas = self._events = self.n_bytes = 0
        self._has_gaps = True
        self._stamps = array("d")
        self.stamp: Callable[[float], None] = self._stamps.append

    def read(self, n_bytes: int, events: int = 0, more_deltas: int = 0) -> None:
        """Note a read of `n_bytes`, which ended `events` events and held `more_deltas` pieces beyond the first."""
        self.n_bytes += n_bytes
        self._events += events
        if more_deltas > 0:
            self._deltas += more_deltas

    def one(self, n_bytes: int, now: float) -> None:
        """Note a read of `n_bytes` that was one event with one piece of content, at `now`."""
        self.n_bytes += n_bytes
        self._events += 1
        self.stamp(now)

    def unmarked(self, n: int) -> None:
        """Note that `n` reads with one event and one piece of content each came, of which no time was taken.

        To take it costs a tenth of what folding such a piece costs. The gaps are not known then.
        """
        self._events += n
        self._deltas += n
        self._has_gaps = self._has_gaps and not n

    def timing(self, now: float) -> Timing:
        """Return what was measured until `now`."""
        self._sort_in()
        first = self._first
        return Timing(
            first=None if first is None else first - self._started,
            generating=None if first is None else (self._last if self._has_gaps else now) - first,
            total=now - self._started,
            gap_p50=self._gap(0.50),
            gap_p95=self._gap(0.95),
            gap_max=self._longest if self._buckets and self._has_gaps else None,
            deltas=self._deltas,
            events=self._events,
            bytes=self.n_bytes,
        )

    def _sort_in(self) -> None:
        """Put the gaps between the stamps into their buckets: all at once, which costs less."""
        stamps = self._stamps
        if not stamps:
            return
        self._deltas += len(stamps)
        if self._first is None:
            self._first = stamps[0]
        else:
            stamps.insert(0, self._last)
        self._last = stamps[-1]
        gaps = [after - before for before, after in pairwise(stamps)]
        del stamps[:]
        self._longest = max(self._longest, max(gaps, default=0.0))
        self._buckets.update(ceil(log(gap / SHORTEST_GAP) * _PER_LOG) if gap > SHORTEST_GAP else 0 for gap in gaps)

    def _gap(self, share: float) -> float | None:
        """Return the gap that `share` of all do not exceed: the nearest rank."""
        if not self._has_gaps:
            return None
        rank = ceil(share * sum(self._buckets.values()))
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                # the point of the bucket that is off by the same share at both its ends
                middle = SHORTEST_GAP * _RATIO**bucket * (1 - GAP_ERROR) if bucket else 0.0
                return min(middle, self._longest)
        return None
