"""Let many tasks read one stream, each at its own speed: `Broadcast`, for asyncio.

No task is started: the stream is driven by whoever awaits `AsyncBroadcast.run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from ..aio import AsyncStream
from ..errors import CallerError
from ..events import Event, Snapshot
from ..reply import Reply
from .rules import SIZE, Fanout, Policy, Queue, text_reader


class AsyncBroadcast:
    """One stream for many readers: `Broadcast`, for asyncio.

    Args:
        events: The stream. Nobody else may iterate it.
        keep_open: Whether the stream is read on when its last reader has left, so that one who comes later finds
            everything. By default it is closed, at once: nobody should pay for an answer that nobody reads.

    Example::

        async with astream(chunks) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            tasks.create_task(show(broadcast.subscribe()))
            tasks.create_task(save(broadcast.subscribe("block")))
            reply = await broadcast.run()
    """

    def __init__(self, events: AsyncStream, *, keep_open: bool = False) -> None:
        self._events = events
        self._keep_open = keep_open
        self._fanout = Fanout()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # while it runs
        self._runner: asyncio.Task[object] | None = None
        self._abandoned = False

    def subscribe(self, policy: Policy = "coalesce", size: int = SIZE) -> AsyncReader:
        """Return a new reader, as `Broadcast.subscribe` does: at any time, even after the end.

        It waits until somebody awaits `run`. Let no task read two that block.
        """
        return AsyncReader(self._fanout.join(policy, size), self)

    async def run(self) -> Reply:
        """Read the stream to its end, and put every event before every reader.

        Returns:
            The reply. Every reader gets it too, as its last event, whatever becomes of this call.

        Raises:
            CallerError: It is not asyncio that runs here.
        """
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CallerError("a broadcast for tasks needs asyncio") from None
        self._runner = runner = asyncio.current_task()
        try:
            await self._publish_all()
        except asyncio.CancelledError:
            # Whoever leaves last cancels this task: only so can what it awaits be left at once.
            if not self._abandoned or runner is None or runner.uncancel():
                raise
        finally:
            self._loop = self._runner = None
            try:
                await self._events.aclose()
            finally:
                self._fanout.break_off(self._events.reply)
                _wake(self._arrived)
        return self._events.reply

    async def _publish_all(self) -> None:
        fanout = self._fanout
        async for event in self._events:
            if fanout.crowded:
                await asyncio.sleep(0)  # what came in one read should not be missed by one who had no turn
            while fanout.blocked:
                await self._room.wait()
            fanout.publish(event)
            _wake(self._arrived)
            if self._deserted:
                return

    @property
    def _deserted(self) -> bool:
        return self._fanout.deserted and not self._keep_open

    def _leave(self, queue: Queue) -> None:
        self._fanout.leave(queue)
        if self._loop is not None:  # later, and from any thread: it may be the garbage collector that closes a reader
            self._loop.call_soon_threadsafe(self._notice)

    def _notice(self) -> None:
        _wake(self._room)
        if self._deserted and self._runner is not None and not self._abandoned:
            self._abandoned = True
            self._runner.cancel()


class AsyncReader(AsyncIterator[Event | Snapshot]):
    """One reader of an `AsyncBroadcast`: iterate its events, or only its text with `text_stream`.

    As an async context manager it leaves the broadcast on the way out. The last event is always `StreamEnd`.
    """

    def __init__(self, queue: Queue, broadcast: AsyncBroadcast) -> None:
        self._queue = queue
        self._broadcast = broadcast

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text alone, piece by piece; of a snapshot only what is new."""
        return _Texts(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | Snapshot:
        broadcast, queue = self._broadcast, self._queue
        while (event := broadcast._fanout.take(queue)) is None:
            if queue.ended:
                raise StopAsyncIteration
            await broadcast._arrived.wait()
        _wake(broadcast._room)
        return event

    def close(self) -> None:
        """Leave: nothing waits for this reader any more. There is nothing to await."""
        self._broadcast._leave(self._queue)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class _Texts(AsyncIterator[str]):
    """The text of a reader. Not an async generator: one that its reader leaves would have to be closed as well."""

    def __init__(self, reader: AsyncReader) -> None:
        self._reader = reader
        self._added = text_reader()

    async def __anext__(self) -> str:
        while not (text := self._added(await anext(self._reader))):
            pass
        return text


def _wake(event: asyncio.Event) -> None:
    """Wake those who wait for `event` now; who comes later waits for the next time."""
    event.set()
    event.clear()
