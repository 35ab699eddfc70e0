"""Say when a stream has been silent or has lasted too long, as pure functions of limits and times.

Three deadlines run at once: the first content, the gap between two pieces of content, and the whole. Content alone
stops a clock: keep-alives, empty deltas and bytes do not, so a server that only sends comments times out. Times are
seconds of any one monotonic clock; nothing here reads it. Cost: `content` is two assignments, and nothing is looked up
before somebody asks for a deadline.

How a driver uses it::

    clock = Clock(timeouts, now())
    while not ended:
        chunk = read(until=clock.deadline())       # read first: what is there weighs more than a clock that ran out
        if chunk is None and (passed := clock.expired(now())):
            close(Verdict.TIMED_OUT), and say passed.sentence(now())
        if the chunk held content: clock.content(now(), reasoning=...)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from .errors import CallerError

Which = Literal["first content", "gap", "total"]
_MISSING = {"first content": "no first content for", "gap": "no content for", "total": "no end after"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds; without a limit where it is ``None``.

    Attributes:
        first: From the request to the first content, be it text, reasoning or a tool call.
        gap: From one piece of content to the next.
        total: From the request to the end, over all attempts.
        reasoning_gap: The gap after reasoning, where it differs: models pause longer while they think. As `gap` where
            it is ``None``; ``math.inf`` is no limit.

    Raises:
        CallerError: A limit is not a number above 0.
    """

    first: float | None = None
    gap: float | None = None
    total: float | None = None
    reasoning_gap: float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            limit = getattr(self, name)
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0):
                raise CallerError(f"the timeout {name!r} is {limit!r}, expected seconds above 0, or None")


class Deadline(NamedTuple):
    """A moment until which something has to happen.

    Attributes:
        at: The moment, in seconds of the clock.
        which: What is waited for.
        limit: How long that may take, in seconds.
    """

    at: float
    which: Which
    limit: float

    def sentence(self, now: float) -> str:
        """Say what did not happen until `now`, with the numbers that mattered."""
        return f"{_MISSING[self.which]} {now - self.at + self.limit:.1f} s, limit {self.limit:g} s"


class Clock:
    """The clocks of one stream.

    Args:
        timeouts: The limits.
        started: When the request was made, in seconds.
    """

    __slots__ = ("_attempted", "_heard", "_reasoning", "_started", "_timeouts")

    def __init__(self, timeouts: Timeouts, started: float) -> None:
        self._timeouts = timeouts
        self._started = self._attempted = started
        self._heard: float | None = None
        self._reasoning = False

    def content(self, now: float, *, reasoning: bool = False) -> None:
        """Note that content came at `now`; `reasoning` tells whether the last of it was reasoning."""
        self._heard = now
        self._reasoning = reasoning

    def restart(self, now: float) -> None:
        """Begin another attempt at `now`: it may take as long to its first content; the total runs on."""
        self._attempted = now
        self._heard = None

    def deadline(self) -> Deadline | None:
        """Return what passes next, or ``None`` if nothing can."""
        total = _deadline(self._started, "total", self._timeouts.total)
        silence = self._silence()
        if total is None or silence is None:
            return total or silence
        return min(total, silence, key=lambda deadline: deadline.at)  # a tie is the total: no attempt can mend that

    def expired(self, now: float) -> Deadline | None:
        """Return the deadline that has passed at `now`: the earlier one, where it is two."""
        deadline = self.deadline()
        return deadline if deadline is not None and now >= deadline.at else None

    def _silence(self) -> Deadline | None:
        limits = self._timeouts
        if self._heard is None:
            return _deadline(self._attempted, "first content", limits.first)
        own = self._reasoning and limits.reasoning_gap is not None
        return _deadline(self._heard, "gap", limits.reasoning_gap if own else limits.gap)


def _deadline(since: float, which: Which, limit: float | None) -> Deadline | None:
    return None if limit is None or limit == math.inf else Deadline(since + limit, which, limit)
