"""Who follows a stream: a position in it, and waiting for more.

A thousand readers of one stream are woken by each token of it, so nothing here is done for each token that can be done
once: the pages are shared, and the timer of a reader's patience is moved only when it rings.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .rules.stream import Page

if TYPE_CHECKING:
    from .tails import Tail, Tails


class Reader:
    """One who follows a stream. Made by `Log.reader`; close it when you leave.

    Args:
        tails: Whose tail it is.
        tail: Of the stream.
        after: How many records the reader has; ``None`` begins at the tail.

    Attributes:
        position: How many records the reader has by now.
        at_end: Whether there is nothing more to come.
        tail: Of the stream.
    """

    def __init__(self, tails: Tails, tail: Tail, after: int | None) -> None:
        self.position = tail.position if after is None else after
        self.at_end = False
        self.tail = tail
        self._tails = tails
        self._loop = asyncio.get_running_loop()
        self._waits = False
        self._waiter: asyncio.Future[None] | None = None
        self._until = self._rings = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def next(self, patience: float | None = None) -> list[Page]:
        """Return what follows, at least one page: an empty one at once at first, later after `patience` seconds.

        Args:
            patience: In seconds; ``None`` waits for ever.

        Raises:
            RelayError: As `Log.read`; also when the stream is deleted while it is followed.
        """
        tail = self.tail
        if self._waits and not self._tails.stopped and not tail.has_news(self.position):
            waiter = self._waiter = self._loop.create_future()
            tail.waiting.add(waiter)
            if patience is not None:
                self._set_timer(patience)
            try:
                await waiter
            finally:
                self._waiter = None
                tail.waiting.discard(waiter)
        # Once stopped it is the last look, and the news of an end that is in the store may not have come yet.
        stopped = self._tails.stopped
        pages = None if stopped else tail.pages(self.position)
        if pages is None:
            pages = [await self._tails.read(tail.path, self.position, self._tails.page)]
        last = pages[-1]
        self.position = position = last.next
        self._waits = position >= last.stream.tail
        self.at_end = self._waits and (last.stream.closed or stopped)
        return pages

    def _set_timer(self, patience: float) -> None:
        self._until = self._loop.time() + patience
        if self._timer is not None and self._rings > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._rings = self._until
            self._timer = self._loop.call_at(self._rings, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._until > self._rings:  # it was set anew since
            self._rings = self._until
            self._timer = self._loop.call_at(self._rings, self._ring)
        else:
            self._waiter.set_result(None)

    def close(self) -> None:
        """Leave."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._tails.leave(self.tail)
