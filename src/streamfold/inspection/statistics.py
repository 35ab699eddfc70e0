"""Count gaps: percentiles by nearest rank, and a histogram whose bins grow by a fixed ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

PER_DECADE = 6
"""How many bins a power of ten has."""

SHORTEST = 1e-4
"""Seconds; shorter gaps are counted in the first bin."""


class Bin(NamedTuple):
    """A span of gaps, in seconds, and how many there are in it."""

    low: float
    high: float
    n: int


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values in `ordered`, at least one, do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def histogram(values: Sequence[float]) -> list[Bin]:
    """Return how many of `values` are how long: every bin between the first and the last that has any."""
    counts: dict[int, int] = {}
    for value in values:
        at = math.floor(math.log10(max(value, SHORTEST)) * PER_DECADE + 1e-9)
        counts[at] = counts.get(at, 0) + 1
    if not counts:
        return []
    return [
        Bin(10 ** (at / PER_DECADE), 10 ** ((at + 1) / PER_DECADE), counts.get(at, 0))
        for at in range(min(counts), max(counts) + 1)
    ]
