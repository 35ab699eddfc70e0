"""The writing end of a generation's log: batches, a lease that is kept alive, and the wish to stop.

What a producer appends is written as soon as the store has taken what came before: so a fast producer writes large
batches, a slow one loses no time, and nobody sets a timer. A batch that may or may not have arrived is sent again; the
log knows it by its place. Without anything to write, the lease is renewed three times in its length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from ..reply import Verdict
from .ending import end
from .errors import FencedError, StoreError
from .log import Log
from .rules.generation import LEASE, end_record
from .rules.stream import Page, Stream

MAX_PENDING = 1024 * 1024
"""Bytes that may wait for the store before the producer must."""
RETRY = 0.2
"""Seconds before a store that failed is asked again; the lease bounds how often."""


class Writer:
    """The producer's hold on a generation that was just started or claimed.

    Leave the context after `end`; if you leave it without, the generation ends as ``aborted`` if somebody wished it or
    the task was cancelled, else as ``error``.

    Args:
        log: Where the generation is.
        stream: Its state, as `Log.start` or `Log.claim` returned it.
        lease: Seconds after which this producer counts as lost, if it shows no sign of life.

    Attributes:
        cancelled: Set when the producer shall stop: somebody asked for it, on whatever node, or it is fenced off.
    """

    def __init__(self, log: Log, stream: Stream, lease: float = LEASE) -> None:
        assert stream.generation is not None
        self.cancelled = asyncio.Event()
        self._log = log
        self._path = stream.path
        self._epoch = stream.generation.epoch
        self._position = stream.tail
        self._lease = lease
        self._pending: list[bytes] = []
        self._size = 0
        self._status = ""
        self._woken = asyncio.Event()
        self._written = asyncio.Event()
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None

    async def __aenter__(self) -> Writer:
        """Begin to write, and to listen for a wish to stop."""
        self._unwatch = await self._log.store.watch(self._path, self._news)
        self._woken.set()  # the first write tells whether there was such a wish before
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the generation if nobody did, and let go."""
        assert self._task is not None
        try:
            if not self._status and self._error is None:
                aborted = self.cancelled.is_set() or isinstance(error, asyncio.CancelledError)
                await self._last("aborted" if aborted else "error", type(error).__name__ if error else "no end")
            if self._status:  # an end that was begun is written, though its caller was cancelled
                await asyncio.wait([self._task], timeout=self._lease)
        finally:
            await end(self._task)
            if self._unwatch is not None:
                self._unwatch()

    async def append(self, *records: bytes) -> None:
        """Hand over JSON events; wait only while more than `MAX_PENDING` bytes are not written yet.

        Raises:
            FencedError: Another producer is in charge, or the generation has ended: stop.
            StoreError: The store has been broken for as long as the lease.
        """
        if self._status:
            raise FencedError(f"this producer has ended the generation: {self._status}")
        self._hand_over(records)
        while self._size > MAX_PENDING and self._error is None:
            await self._progress()
        self._check()

    async def flush(self) -> None:
        """Wait until everything that was handed over is durable. Raises as `append`."""
        while self._pending and self._error is None:
            await self._progress()
        self._check()

    async def end(self, status: str, record: bytes) -> None:
        """End the generation; return when that is durable. Raises as `append`.

        Args:
            status: One of `rules.generation.ENDS`.
            record: The event that says so, of type ``end``.
        """
        self._check()
        self._status = status
        self._hand_over((record,))
        await self.flush()

    async def _last(self, status: str, reason: str) -> None:
        verdict = Verdict.CANCELLED if status == "aborted" else Verdict.ERRORED
        try:
            await self.end(status, end_record(verdict, reason, "the producer left without an end"))
        except (FencedError, StoreError):
            return  # it has an end, or gets one when the lease runs out

    def _hand_over(self, records: tuple[bytes, ...]) -> None:
        self._pending += records
        self._size += sum(map(len, records))
        self._woken.set()

    async def _progress(self) -> None:
        self._written.clear()
        await self._written.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _news(self, page: Page | None) -> None:
        if page is None:
            self._woken.set()  # something has changed: the next write tells what
        elif page.stream.generation is not None and page.stream.generation.cancelled:
            self.cancelled.set()

    async def _run(self) -> None:
        try:
            while not (self._status and not self._pending):
                await self._rest()
                await self._write()
        except Exception as error:  # `append` raises it
            self._error = error
            self.cancelled.set()
        finally:
            self._written.set()

    async def _rest(self) -> None:
        """Wait until there is something to write, or until the lease wants to be renewed."""
        with suppress(TimeoutError):  # not `wait_for`, which swallows a cancellation that comes with the event
            async with asyncio.timeout(self._lease / 3):
                await self._woken.wait()
        self._woken.clear()

    async def _write(self) -> None:
        batch, status = list(self._pending), self._status
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._lease
        while True:
            try:
                stream = await self._log.write(
                    self._path, self._epoch, self._position, batch, lease=self._lease, status=status
                )
                break
            except StoreError:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(RETRY)
        self._position += len(batch)
        del self._pending[: len(batch)]
        self._size -= sum(map(len, batch))
        if stream.generation is not None and stream.generation.cancelled:
            self.cancelled.set()
        self._written.set()
