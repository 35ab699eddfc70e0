"""The writing end of a generation's log: batches, a lease that is kept alive, and the wish to stop.

What a producer appends is written as soon as the store has taken what came before: so a fast producer writes large
batches, and a slow one loses no time. A batch that may or may not have arrived is sent again; the log knows it by its
place. Without anything to write, the lease is renewed three times in its length. Callbacks do all that, no task: there
are hundreds of producers, and each token is a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from ..reply import Verdict
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
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._batch: list[bytes] = []
        self._size = 0
        self._status = ""
        self._written = asyncio.Event()
        self._error: Exception | None = None
        self._busy = False
        self._closed = False
        self._asks = True
        self._deadline = 0.0
        self._renewed = 0.0
        self._under_way: asyncio.Future[Stream] | None = None
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._unwatch: Callable[[], None] | None = None

    async def __aenter__(self) -> Writer:
        """Begin to write, and to listen for a wish to stop."""
        self._unwatch = await self._log.store.watch(self._path, self._news)
        self._send()  # the first write tells whether there was such a wish before
        self._after(self._lease / 3, self._renew)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the generation if nobody did, and let go."""
        try:
            if not self._status and self._error is None:
                aborted = self.cancelled.is_set() or isinstance(error, asyncio.CancelledError)
                await self._last("aborted" if aborted else "error", type(error).__name__ if error else "no end")
            if self._status:  # an end that was begun is written, though its caller was cancelled
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lease):
                        await self._all_written()
        finally:
            self._close()

    def _close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if self._under_way is not None:
            self._under_way.remove_done_callback(self._arrived)
            if not self._under_way.cancel():
                self._under_way.exception()  # nobody else will look at it
        self._closed = True
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
        await self._all_written()
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
        self._want()

    def _want(self) -> None:
        """Write soon, with what is handed over until then."""
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._send)

    async def _all_written(self) -> None:
        while (self._pending or self._batch) and self._error is None:
            await self._progress()

    async def _progress(self) -> None:
        self._written.clear()
        await self._written.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _news(self, page: Page | None) -> None:
        if page is None:  # something has changed: the next write tells what
            self._asks = True
            self._want()
        elif page.stream.generation is not None and page.stream.generation.cancelled:
            self.cancelled.set()

    def _renew(self) -> None:
        """Show a sign of life, if there was none for a third of the lease."""
        third = self._lease / 3
        left = self._renewed + third - self._loop.time()
        if left <= 0:
            self._asks = True
            self._want()
        self._after(left if left > 0 else third, self._renew)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if call in self._timers:
            self._timers[call].cancel()
        self._timers[call] = self._loop.call_later(seconds, call)

    def _send(self) -> None:
        self._busy, self._asks = bool(self._pending) or (self._asks and not self._status), False
        if self._closed or not self._busy:
            return
        self._batch, self._pending = self._pending, []
        self._deadline = self._loop.time() + self._lease
        self._try()

    def _try(self) -> None:
        status = self._status if not self._pending else ""
        try:
            answer = self._log.write(
                self._path, self._epoch, self._position, self._batch, lease=self._lease, status=status
            )
        except Exception as error:
            self._failed(error)
        else:
            self._under_way = asyncio.ensure_future(answer)
            self._under_way.add_done_callback(self._arrived)

    def _arrived(self, answer: asyncio.Future[Stream]) -> None:
        self._under_way = None
        try:
            stream = answer.result()
        except Exception as error:
            self._failed(error)
            return
        self._renewed = self._loop.time()
        self._position += len(self._batch)
        self._size -= sum(map(len, self._batch))
        self._batch = []
        if stream.generation is not None and stream.generation.cancelled:
            self.cancelled.set()
        self._written.set()
        self._send()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, StoreError) and self._loop.time() <= self._deadline:
            self._after(RETRY, self._try)
            return
        self._error = error  # `append` raises it
        self.cancelled.set()
        self._written.set()
