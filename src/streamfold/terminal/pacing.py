"""Let text that comes in bursts flow evenly, and none of it late.

What arrives is let go evenly over the `MAX_DELAY` seconds after it, in the order in which it came: the flow out is
the flow in, averaged over that time. So the rate follows the model's by itself, nothing need be guessed, and nothing
waits longer than `MAX_DELAY`, which is all that pacing adds.

Counted are grapheme clusters (Unicode Standard Annex 29): what a person sees as one character appears at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from wcwidth import iter_graphemes

from .theme import PLAIN

MAX_DELAY = 0.3
"""Seconds: longer than the gap between tokens at 5 a second, so that even these flow."""


class Pacer:
    """Tell how many of the clusters that have come may be shown by now."""

    def __init__(self) -> None:
        self._batches: deque[tuple[float, int]] = deque()  # when, and how many, of what has not all been let go
        self._before = 0  # clusters that came in earlier batches
        self._let_go = 0

    def arrived(self, now: float, n: int) -> None:
        """Note that `n` clusters came at `now`, in seconds of any monotonic clock."""
        if n:
            self._batches.append((now, n))

    def due(self, now: float) -> int:
        """Return how many more clusters may be shown at `now`."""
        while self._batches and now - self._batches[0][0] >= MAX_DELAY:
            self._before += self._batches.popleft()[1]
        running = sum(n * (now - then) / MAX_DELAY for then, n in self._batches)
        due = self._before + math.floor(running) - self._let_go
        self._let_go += max(due, 0)
        return max(due, 0)


class PacedSegments:
    """Hold segments back until they are due, cluster by cluster.

    The last cluster may still grow, so it waits for the next one, but no longer than `MAX_DELAY` either.
    """

    def __init__(self) -> None:
        self._pacer = Pacer()
        self._waiting: deque[tuple[str, Style]] = deque()
        self._owed = 0
        self._last = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def feed(self, segments: Iterable[Segment], now: float) -> None:
        """Take in what came at `now`, in seconds."""
        before = len(self._waiting)
        for text, style, _ in segments:
            style = style or PLAIN
            if self._waiting and self._waiting[-1][1] == style:
                text = self._waiting.pop()[0] + text
            self._waiting.extend((cluster, style) for cluster in _clusters(text))
        self._pacer.arrived(now, len(self._waiting) - before)
        self._last = now

    def due(self, now: float) -> list[Segment]:
        """Return what is to be shown at `now`."""
        self._owed += self._pacer.due(now)
        may_grow = now - self._last < MAX_DELAY
        n = min(self._owed, len(self._waiting) - may_grow)
        self._owed -= max(n, 0)
        return self._next(n)

    def close(self) -> list[Segment]:
        """Return all that waits."""
        return self._next(len(self._waiting))

    def _next(self, n: int) -> list[Segment]:
        return [Segment(*self._waiting.popleft()) for _ in range(n)]


def _clusters(text: str) -> list[str]:
    return list(text) if text.isascii() else list(iter_graphemes(text))
