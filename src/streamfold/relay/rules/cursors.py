"""The cursor of live reads, which keeps caches from sending readers around in circles (Durable Streams 10.1)."""

from __future__ import annotations

from collections.abc import Callable

EPOCH = 1_728_432_000
"""2024-10-09, in seconds since 1970: where the intervals are counted from."""
INTERVAL = 20
"""Seconds of one interval."""
MOST_JITTER = 3600
"""Seconds by which a reader that is ahead of the time is sent on, at most."""


def next_cursor(now: float, echoed: str | None, random: Callable[[int, int], int]) -> str:
    """Return the number of the interval, or a later one than the reader brings along.

    Args:
        now: In seconds since 1970.
        echoed: The cursor of the reader's last answer.
        random: Returns a whole number between two, both included.
    """
    interval = int(now - EPOCH) // INTERVAL
    theirs = int(echoed) if echoed and echoed.isascii() and echoed.isdigit() and len(echoed) < 16 else -1
    if theirs < interval:
        return str(interval)
    return str(theirs + -(-random(1, MOST_JITTER) // INTERVAL))
