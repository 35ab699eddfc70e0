"""Watch the clocks of a stream whose reads are awaited: cancel a read that takes too long.

Under asyncio one timer serves all reads: it rings at a deadline, sees that content has moved it, and is set anew; a
read costs two attributes, and no coroutine around it. Under trio each read has a scope of its own, as trio wants it;
trio is not imported, only found where it runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol, TypeVar

from ..clocks import Clock, Deadline

T = TypeVar("T")

_spawned: set[asyncio.Task[bool]] = set()  # an event loop holds its tasks but weakly


class AsyncWatch(Protocol):
    """The watch over one stream's reads.

    Attributes:
        since: When the read began that is going on; set to ``None`` by the driver, once it has come back.
        passed: The deadline that passed in a read.
    """

    since: float | None
    passed: Deadline | None

    def begin(self, read: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """Begin a read; return what to await. It is ended by an exception if a deadline passes before."""
        ...

    def ended(self, error: BaseException) -> bool:
        """Tell whether it was this watch that ended the read which raised `error`. To be asked once for each."""
        ...

    def look(self) -> None:
        """Look at the clocks now: something may pass earlier than was thought."""
        ...

    def stop(self) -> None:
        """End the watch, until the next read begins."""
        ...


class Passed(Exception):  # noqa: N818 (no error: the watch's own signal)
    """A deadline passed while something was awaited, under trio."""


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


async def shielded(seconds: float, do: Callable[[], Awaitable[None]]) -> bool:
    """Await `do`, which may not raise, even if the task that waits is cancelled; return whether `seconds` sufficed."""
    if is_trio():
        trio: Any = sys.modules["trio"]
        with trio.CancelScope(deadline=trio.current_time() + seconds, shield=True) as scope:
            await do()
        return not scope.cancelled_caught
    task = _begun(seconds, do)
    await asyncio.wait([task])  # which, cancelled, does not cancel the task
    return task.result()


def spawn(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    """Begin `do`, which may not raise; nobody waits for it, and it ends after `seconds` at the latest.

    Raises:
        RuntimeError: No event loop runs here.
    """
    if is_trio():
        sys.modules["trio"].lowlevel.spawn_system_task(shielded, seconds, do)
    else:
        _begun(seconds, do)


def _begun(seconds: float, do: Callable[[], Awaitable[None]]) -> asyncio.Task[bool]:
    loop = asyncio.get_running_loop()  # before there is a coroutine that would have to be awaited
    task = loop.create_task(_in_time(seconds, do))
    _spawned.add(task)
    task.add_done_callback(_spawned.discard)
    return task


async def _in_time(seconds: float, do: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await do()
    except TimeoutError:
        return False
    return True


class AsyncioWatch:
    """One timer for all reads of a stream."""

    def __init__(self, clock: Clock) -> None:
        self.since: float | None = None
        self.passed: Deadline | None = None
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._others = 0  # how many had cancelled the task before

    def begin(self, read: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """Begin a read; return what to await."""
        self._task = asyncio.current_task(self._loop)  # each read may be another task's
        self.since = monotonic()
        if self._timer is None:
            self.look()
        return read()

    def ended(self, error: BaseException) -> bool:
        """Tell whether it was this watch that cancelled the read, and nobody else."""
        if self.passed is None or self._task is None:
            return False
        is_own = self._task.uncancel() <= self._others
        return isinstance(error, Exception) or (is_own and isinstance(error, asyncio.CancelledError))

    def look(self) -> None:
        """Look at the clocks now: something may pass earlier than was thought."""
        self.stop()
        if self.since is None or self._task is None:
            return  # the next read looks
        seen = self._clock.look(monotonic(), self.since)
        if isinstance(seen, Deadline):
            self.passed = seen
            self._others = self._task.cancelling()
            self._task.cancel()
        elif seen is not None:
            self._timer = self._loop.call_later(seen, self.look)

    def stop(self) -> None:
        """End the watch, until the next read begins."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


class TrioWatch:
    """A cancel scope for each read."""

    def __init__(self, clock: Clock) -> None:
        self.since: float | None = None
        self.passed: Deadline | None = None
        self._clock = clock

    async def begin(self, read: Callable[[], Awaitable[T]]) -> T:
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

    def ended(self, error: BaseException) -> bool:
        """Tell whether it was a deadline that ended the read."""
        return isinstance(error, Passed)

    def look(self) -> None:
        """Look at the clocks: each read does."""

    def stop(self) -> None:
        """End the watch: no scope is open."""
