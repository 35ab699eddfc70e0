"""Watch the clocks of a stream whose reads are awaited: cancel a read that takes too long.

Under asyncio one timer serves all reads: it rings at a deadline, sees that content has moved it, and is set anew; a
read costs two attributes. Under trio each read has a scope of its own, as trio wants it; trio is not imported, only
found where it runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol, TypeVar

from .clocks import Clock, Deadline

T = TypeVar("T")


class AsyncWatch(Protocol):
    """The watch over one stream's reads.

    Attributes:
        passed: The deadline that passed in a read.
    """

    passed: Deadline | None

    async def wait(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` gives; raise `Passed` if a deadline passes before."""
        ...

    def look(self) -> None:
        """Look at the clocks now: something may pass earlier than was thought."""
        ...

    def stop(self) -> None:
        """End the watch."""
        ...


class Passed(Exception):  # noqa: N818 (no error: the drivers' own signal)
    """A deadline passed while something was awaited."""


def watch_over(clock: Clock) -> AsyncWatch:
    """Return a watch for the event loop that runs here."""
    return TrioWatch(clock) if is_trio() else AsyncioWatch(clock)


def is_trio() -> bool:
    """Tell whether it is trio that runs here."""
    trio: Any = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def sleep(seconds: float) -> None:
    """Sleep, whichever event loop runs here."""
    await (sys.modules["trio"].sleep(seconds) if is_trio() else asyncio.sleep(seconds))


class AsyncioWatch:
    """One timer for all reads of a stream."""

    def __init__(self, clock: Clock) -> None:
        self.passed: Deadline | None = None
        self._clock = clock
        self._since: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._others = 0  # how many had cancelled the task before

    async def wait(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` gives; raise `Passed` if a deadline passes before."""
        self._task = task = asyncio.current_task()
        assert task is not None
        self._since = monotonic()
        if self._timer is None:
            self.look()
        try:
            return await read()
        except asyncio.CancelledError:
            if self.passed is None or task.uncancel() > self._others:
                raise  # somebody else cancelled it as well
            raise Passed from None
        finally:
            self._since = None

    def look(self) -> None:
        """Look at the clocks now: something may pass earlier than was thought."""
        self.stop()
        if self._since is None or self._task is None:
            return  # the next read looks
        seen = self._clock.look(monotonic(), self._since)
        if isinstance(seen, Deadline):
            self.passed = seen
            self._others = self._task.cancelling()
            self._task.cancel()
        elif seen is not None:
            self._timer = self._task.get_loop().call_later(seen, self.look)

    def stop(self) -> None:
        """End the watch."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


class TrioWatch:
    """A cancel scope for each read."""

    def __init__(self, clock: Clock) -> None:
        self.passed: Deadline | None = None
        self._clock = clock

    async def wait(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` gives; raise `Passed` if a deadline passes before."""
        trio = sys.modules["trio"]
        now = monotonic()
        seen = self._clock.look(now, now)
        if seen is None:
            return await read()
        assert not isinstance(seen, Deadline)
        with trio.move_on_after(seen):
            return await read()
        self.passed = self._clock.deadline()
        raise Passed

    def look(self) -> None:
        """Look at the clocks: each read does."""

    def stop(self) -> None:
        """End the watch: no scope is open."""
