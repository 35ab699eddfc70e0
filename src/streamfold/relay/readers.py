"""Who follows a stream: a position in it, and waiting for more.

A thousand readers of one stream hear of each token of it, so nothing here is done for each token that can be done once:
the pages are shared, the timer of a reader's patience is moved only when it rings, and to wake a task takes longer than
to send a token. So while `Reader.next` waits, what can be said and sent at once is, by a call from the tail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from types import coroutine
from typing import TYPE_CHECKING, Any

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
        self._waiter: asyncio.Future[Awaitable[None] | None] | None = None
        self._say: Callable[[list[Page]], bytes] | None = None
        self._send: Callable[[bytes], Awaitable[None]]
        self._since = 0.0
        self._patience: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def next(self, patience: float | None = None) -> list[Page]:
        """Return what follows, at least one page: an empty one at once at first, later after `patience` seconds.

        There is none if all was said at once, up to the end.

        Args:
            patience: In seconds; ``None`` waits for ever.

        Raises:
            RelayError: As `Log.read`; also when the stream is deleted while it is followed.
        """
        tail = self.tail
        if self._waits:
            await self._news(patience)
        if self.at_end:
            return []
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

    def say_at_once(self, say: Callable[[list[Page]], bytes], send: Callable[[bytes], Awaitable[None]]) -> None:
        """Let what comes while `next` waits be said and sent by these; `next` returns only what was not.

        Args:
            say: Returns what is to be sent of pages; nothing leaves them to `next`.
            send: Sends it. What it must wait for, `next` waits for.
        """
        self._say, self._send = say, send

    async def _news(self, patience: float | None) -> None:
        """Wait for what is not said at once."""
        tail, self._patience = self.tail, patience
        while not (self._tails.stopped or tail.has_news(self.position)):
            self._waiter = self._loop.create_future()
            self._be_patient()
            tail.waiting.add(self)
            try:
                unsent = await self._waiter
            finally:
                self._waiter = None
                tail.waiting.discard(self)
            if unsent is not None:
                await unsent
            if unsent is None or self.at_end:
                return

    def hear(self, pages: list[Page] | None) -> bool:
        """Hear of news from the tail; tell whether this reader goes on waiting for more.

        Args:
            pages: What follows `position`, if that may be said at once.
        """
        waiter = self._waiter
        if waiter is None or waiter.done():
            return False
        unsent: Awaitable[None] | None = None
        try:
            if pages and self._say is not None and (said := self._say(pages)):
                self.position = pages[-1].next
                steps = self._send(said).__await__()
                wish = next(steps, _SENT)
                self.at_end = pages[-1].at_end
                if wish is not _SENT:
                    unsent = _rest(steps, wish)
                elif not self.at_end:
                    return True
        except Exception as error:  # the reader's own, which `next` raises: the tail has others to tell
            waiter.set_exception(error)
        else:
            waiter.set_result(unsent)
        return False

    def _be_patient(self) -> None:
        self._since = self._loop.time()
        if self._patience is None:
            return
        rings = self._since + self._patience
        if self._timer is not None and self._timer.when() > rings:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(rings, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done() or self._patience is None:
            return
        until = max(self._since, self.tail.told) + self._patience
        if until > self._loop.time():  # there were news since it was set
            self._timer = self._loop.call_at(until, self._ring)
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


_SENT = object()
"""What `next` returns for steps that are all done."""


@coroutine
def _rest(steps: Generator[Any, Any, None], wish: Any) -> Generator[Any, Any, None]:
    """Go on with what has begun and waits for `wish`."""
    with closing(steps):
        yield wish
        yield from steps
