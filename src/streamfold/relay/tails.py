"""The newest records of streams that somebody follows, kept in memory once for all readers of a stream in this process.

A reader has no queue: it asks for what follows its position. Near the end of the stream the answer is here, in pages
that all readers share; a reader that is further behind reads from the store, at its own pace. So a slow reader costs
nobody anything, and a thousand readers cost one look at the store for what others have written, none for what this
process wrote.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from .errors import RelayError, RelayLimitError, StoreError, StreamNotFoundError
from .readers import Reader
from .rules.stream import Page, Stream
from .stores import Store

if TYPE_CHECKING:
    from .telling import Teller

KEPT = 256 * 1024
"""Bytes of records that are kept of each stream that is followed."""
KEPT_PAGES = 128
"""Pages of them: one with a single token takes a kilobyte besides."""

CROWD = 0.002
"""Seconds that it takes to tell so many readers that they are a crowd."""
REST = 0.004
"""Seconds after that in which the crowd is told nothing, and then all that came meanwhile at once.

Tokens that come as fast as they can be told to all would else stand in a queue, each told by itself.
"""

TRIES = 15
"""How often a store that fails is asked what others have written, before the readers hear that it is broken."""
PAUSE = 0.2
"""Seconds between two of these."""


class Reading(Protocol):
    """What reads a page of a stream; see `Log.read`."""

    async def __call__(self, path: str, after: int, limit: int) -> Page:
        """Return what follows."""
        ...


class Tail:
    """The newest pages of one stream. Made by `Tails.open`.

    Attributes:
        position: How many records there are, as far as is known here.
        waiting: Who is to be told the news.
        told: When they were told last, in the event loop's time.
        tellers: Who says the newest pages in the words of a protocol, for all readers; see `telling`.
    """

    def __init__(self, path: str, store: Store, read: Reading) -> None:
        self.readers = 0
        self.tellers: dict[str, Teller] = {}
        self.opened = asyncio.ensure_future(self._open())
        self.path = path
        self._store = store
        self._read = read
        self._stream: Stream | None = None
        self.position = 0
        self._pages: deque[Page] = deque()
        self._by_start: dict[int, Page] = {}
        self._kept = 0
        self._error: RelayError | None = None
        self.waiting: set[Reader] = set()
        self.told = 0.0
        self._rests = self._late = False
        self._loop = asyncio.get_running_loop()
        self._stale = False
        self._refreshing: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None

    async def _open(self) -> None:
        self._unwatch = await self._store.watch(self.path, self._news)
        page = await self._read(self.path, 0, 0)
        self._stream, self.position = page.stream, page.stream.tail
        if self._stale:
            self._refresh()

    @property
    def failed(self) -> bool:
        """Whether it can no longer be followed: the stream is gone, or the store is broken."""
        return self._error is not None or (self.opened.done() and self._stream is None)

    def close(self) -> None:
        """Let go of the store."""
        self.opened.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._unwatch is not None:
            self._unwatch()

    def pages(self, after: int) -> list[Page] | None:
        """Return what follows the first `after` records, as far as it is here; ``None`` if it is not.

        If nothing follows, that is an empty page. The pages are the same ones for all readers, but for one who stands
        within a page.

        Raises:
            RelayError: The stream is gone, or the store is broken.
        """
        if self._error is not None:
            raise self._error
        if self._stream is not None and after == self.position == self._stream.tail:
            return [Page(self._stream, after, ())]
        page = self._by_start.get(after) or self._part(after)
        if page is None:
            return None
        pages = [page]
        while (position := page.next) < self.position:
            page = self._by_start[position]
            pages.append(page)
        return pages

    def shares(self, page: Page) -> bool:
        """Tell whether it is a page that all readers share."""
        return self._by_start.get(page.after) is page

    def _part(self, after: int) -> Page | None:
        for page in reversed(self._pages):
            if page.after <= after < page.next:
                return Page(page.stream, after, page.records[after - page.after :])
        return None

    def has_news(self, after: int) -> bool:
        """Tell whether there is more than `after` records, or an end."""
        stream = self._stream
        return self._error is not None or stream is None or stream.closed or max(self.position, stream.tail) > after

    def _news(self, page: Page | None) -> None:
        if self._stream is None:
            self._stale = True
        elif page is None or page.after > self.position:
            self._refresh()
        else:
            self._take(page)

    def _refresh(self) -> None:
        self._stale = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.ensure_future(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            while self._stale:
                self._stale = False
                page = await self._read_again()
                self._take(page)
                self._stale |= not page.up_to_date
        except RelayError as error:
            self._fail(error)

    async def _read_again(self) -> Page:
        """Read what follows; a store that fails is asked again, as it may come back."""
        for _ in range(TRIES - 1):
            with suppress(StoreError):
                return await self._read(self.path, self.position, KEPT)
            await asyncio.sleep(PAUSE)
        return await self._read(self.path, self.position, KEPT)

    def _take(self, page: Page) -> None:
        known = self._stream
        if known is None or page.stream.id != known.id:
            self._fail(StreamNotFoundError(self.path))
            return
        if page.next > self.position:
            if page.after < self.position:
                page = Page(page.stream, self.position, page.records[self.position - page.after :])
            self._keep(page)
        if page.stream.tail >= known.tail:
            self._stream = page.stream
        if page.records or (self._stream is not known and page.stream.closed):
            self.wake()

    def _keep(self, page: Page) -> None:
        self._pages.append(page)
        self._by_start[page.after] = page
        self.position = page.next
        self._kept += sum(map(len, page.records))
        while (self._kept > KEPT and len(self._pages) > 1) or len(self._pages) > KEPT_PAGES:
            dropped = self._pages.popleft()
            del self._by_start[dropped.after]
            self._kept -= sum(map(len, dropped.records))

    def _fail(self, error: RelayError) -> None:
        self._error = error
        self.wake()

    def wake(self) -> None:
        """Tell all readers who wait; those who have come equally far share what there is to say."""
        if self._rests:
            self._late = True
            return
        began = time.monotonic()
        self.told = self._loop.time()
        sayable: dict[int, list[Page] | None] = {}
        for reader in list(self.waiting):
            position = reader.position
            if position not in sayable:
                sayable[position] = self._sayable(position)
            if not reader.hear(sayable[position]):
                self.waiting.discard(reader)
        if time.monotonic() - began > CROWD:
            self._rests, self._late = True, False
            self._loop.call_later(REST, self._rested)

    def _rested(self) -> None:
        self._rests = False
        if self._late:
            self.wake()

    def _sayable(self, after: int) -> list[Page] | None:
        """Return what follows if it may be said at once: records that are here, up to an end if there is one."""
        if self._error is not None or self._stream is None or (pages := self.pages(after)) is None:
            return None
        last = pages[-1]
        return pages if last.records and last.at_end == self._stream.closed else None


class Tails:
    """The tails of all streams that somebody follows in this process.

    Args:
        store: Where the streams are.
        read: What reads a page.
        page: How many bytes a reader gets at once of what is not here.
        max_readers: How many readers there may be at once.
    """

    def __init__(self, store: Store, read: Reading, page: int, max_readers: int) -> None:
        self.read = read
        self.page = page
        self._store = store
        self._max_readers = max_readers
        self._tails: dict[str, Tail] = {}
        self.readers = 0
        self.stopped = False

    def stop(self) -> None:
        """Wake all readers, who then find that this is `stopped`."""
        self.stopped = True
        for tail in self._tails.values():
            tail.wake()

    async def open(self, path: str, after: int | None) -> Reader:
        """Return a new reader of the stream at `path`, who has `after` records; ``None`` begins at the tail.

        Raises:
            RelayLimitError: There are too many readers.
            RelayError: The stream cannot be read.
        """
        if self.readers >= self._max_readers:
            raise RelayLimitError("max_readers", self._max_readers, 429)
        tail = self._tails.get(path)
        if tail is None or tail.failed:
            tail = self._tails[path] = Tail(path, self._store, self.read)
        tail.readers += 1
        self.readers += 1
        try:
            await asyncio.shield(tail.opened)
        except BaseException:
            self.leave(tail)
            raise
        return Reader(self, tail, after)

    def leave(self, tail: Tail) -> None:
        """Let a reader go; the last one closes the tail."""
        self.readers -= 1
        tail.readers -= 1
        if not tail.readers:
            tail.close()
            if self._tails.get(tail.path) is tail:
                del self._tails[tail.path]
