"""Say when a stream has been silent or has lasted too long, as pure functions of limits and times.

Three deadlines run at once: the first content, the gap between two pieces of content, and the whole. Content alone
stops a clock: keep-alives, empty deltas and bytes do not, so a server that only sends comments times out. Times are
seconds of any one monotonic clock; nothing here reads it. Cost: `content` is two assignments, and nothing is looked up
before somebody asks for a deadline.

How a driver uses it::

    clock = Clock(timeouts, now())
    while not ended:
        chunk = read()        # interrupted from outside when `look` returns a `Deadline`: `watch.py`, `awatch.py`
        if the chunk held content: clock.content(now(), reasoning=...)
        if passed := clock.expired(now()): close, and say passed.sentence(now())
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal, NamedTuple

from .errors import CallerError

MAX_SETTLED = 64
"""Protects memory: of so many different limits it is remembered what they settle to. Most streams have the same."""

Which = Literal["first content", "gap", "total"]
Limit = float | Literal["default"] | None
_MISSING = {"first content": "no first content for", "gap": "no content for", "total": "no end after"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds; without a limit where it is ``None``.

    What is left at ``"default"`` has no limit for a source in this process, and `NETWORK`'s for a `streamfold.Request`:
    nothing that comes over a network is waited for for ever unless somebody asks for it.

    Attributes:
        first: From the request to the first content, be it text, reasoning or a tool call.
        gap: From one piece of content to the next.
        total: From the request to the end, over all attempts.
        reasoning_gap: The gap after reasoning, where it differs: models pause longer while they think. As `gap` where
            it is ``None``; ``math.inf`` is no limit.
        connect: For a connection to be made; it is part of `first`. Of requests only.

    Raises:
        CallerError: A limit is not a number above 0.
    """

    first: Limit = "default"
    gap: Limit = "default"
    total: Limit = "default"
    reasoning_gap: Limit = "default"
    connect: Limit = "default"

    def __post_init__(self) -> None:
        for name, limit in self._items():
            number = isinstance(limit, int | float) and not isinstance(limit, bool)
            if limit is not None and limit != "default" and not (number and limit > 0):
                raise CallerError(f"the timeout {name!r} is {limit!r}, expected seconds above 0, or None")

    def settled(self, defaults: Timeouts | None = None) -> Timeouts:
        """Return the same limits, with a number or ``None`` for each that was left at ``"default"``."""
        return _settled(self, defaults)

    def _items(self) -> list[tuple[str, Limit]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@lru_cache(MAX_SETTLED)
def _settled(limits: Timeouts, defaults: Timeouts | None) -> Timeouts:
    settled = {
        name: (getattr(defaults, name) if defaults else None) if limit == "default" else limit
        for name, limit in limits._items()
    }
    if defaults and limits.gap != "default" and limits.reasoning_gap == "default":
        settled["reasoning_gap"] = None  # who sets the gap means every gap
    return Timeouts(**settled)


NETWORK = Timeouts(first=600.0, gap=120.0, total=None, reasoning_gap=600.0, connect=10.0)
"""The limits of a request for which none are given.

The first content may take as long as the official clients wait for a response, ten minutes; so may a pause of a model
that reasons.
"""


GRACE = 0.02
"""Seconds that a read is given though a clock ran out before it: what is there already weighs more. A reader that was
slow between two reads has not made its sender late."""


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

    Attributes:
        total_at: When the total passes: all that can be passed in a moment in which content comes.
    """

    __slots__ = ("_attempted", "_heard", "_reasoning", "_started", "_timeouts", "total_at")

    def __init__(self, timeouts: Timeouts, started: float) -> None:
        self._timeouts = timeouts.settled()
        self._started = self._attempted = started
        self._heard: float | None = None
        self._reasoning = False
        total = _deadline(started, "total", self._timeouts.total)
        self.total_at = math.inf if total is None else total.at

    def content(self, now: float, reasoning: bool = False) -> bool:
        """Note that content came at `now`; `reasoning` tells whether the last of it was reasoning.

        Returns:
            Whether another limit holds from now on, so that its deadline may be the earlier one.
        """
        turned = self._heard is None or reasoning is not self._reasoning
        self._heard = now
        self._reasoning = reasoning
        return turned

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

    def look(self, now: float, since: float) -> Deadline | float | None:
        """Look at the clocks from beside a read that waits since `since`.

        Returns:
            The deadline that has passed; or the seconds until the next look; or ``None`` if nothing can pass.
        """
        deadline = self.deadline()
        if deadline is None:
            return None
        wait = max(deadline.at, since + GRACE) - now
        return wait if wait > 0 else deadline

    def _silence(self) -> Deadline | None:
        limits = self._timeouts
        if self._heard is None:
            return _deadline(self._attempted, "first content", limits.first)
        own = self._reasoning and limits.reasoning_gap is not None
        return _deadline(self._heard, "gap", limits.reasoning_gap if own else limits.gap)


def _deadline(since: float, which: Which, limit: Limit) -> Deadline | None:
    return Deadline(since + limit, which, limit) if isinstance(limit, int | float) and limit != math.inf else None
