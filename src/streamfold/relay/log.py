"""The log: what one does with streams, on any store.

Rules decide, the store keeps, tails let many readers follow; here they are put together, with what needs more than one
transaction: forks, what they inherit, and what is swept away when its time is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Protocol, TypeVar

from .errors import (
    BadRequestError,
    OffsetTrimmedError,
    RelayError,
    StreamConflictError,
    StreamGoneError,
    StreamNotFoundError,
)
from .limits import DEFAULTS, Limits
from .readers import Reader
from .rules import appending, generation, lifecycle
from .rules.appending import Appended
from .rules.generation import LEASE
from .rules.lifecycle import Created, Creation, ForkFrom
from .rules.messages import is_json
from .rules.stream import Fork, Page, Producer, Rule, Stream, expired, living, slack, touch, trim
from .rules.subscription import reserved
from .stores import Store
from .tails import Tails

T = TypeVar("T")


class Follower(Protocol):
    """What wants to hear of all streams; see `subscriptions.Subscriptions`."""

    @property
    def listens(self) -> bool:
        """Whether it wants to hear of anything now."""
        ...

    def changed(self, path: str) -> None:
        """Hear that the stream at `path` has grown or gone, by this log."""
        ...

    async def look(self, path: str) -> None:
        """Do what is due at `path`, which is reserved."""
        ...


class Log:
    """Streams in a store.

    Args:
        store: Where they are kept; the log does not close it.
        limits: What is bounded.

    Attributes:
        follower: Who hears of what this log changes.
    """

    def __init__(self, store: Store, limits: Limits = DEFAULTS) -> None:
        self.store = store
        self.limits = limits
        self.tails = Tails(store, self.read, limits.page, limits.max_readers)
        self.follower: Follower | None = None

    def stop(self) -> None:
        """End the reading of all that follow a stream: they may come back to another process."""
        self.tails.stop()

    def _change(self, paths: Sequence[str], rule: Rule[T]) -> asyncio.Future[T]:
        """Do what may add records to the first stream, or free its path."""
        done = self.store.transact(paths, rule)
        if self.follower is not None and self.follower.listens:
            done.add_done_callback(partial(self._changed, self.follower, paths[0]))
        return done

    def _changed(self, follower: Follower, path: str, done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            follower.changed(path)

    async def create(self, path: str, ask: Creation, origin: ForkFrom | None = None) -> Created:
        """Create a stream, or a fork of the stream at `origin`; one that is there and as asked for is left as it is."""
        try:
            return await self._create(path, ask, origin)
        except StreamConflictError:
            if not await self._reap(path):
                raise
            return await self._create(path, ask, origin)

    async def _create(self, path: str, ask: Creation, origin: ForkFrom | None) -> Created:
        if origin is None:
            return await self._change([path], lifecycle.create(path, ask))
        following = await self._following(origin)
        return await self._change([path, origin.source], lifecycle.fork(path, ask, origin, following))

    async def _following(self, origin: ForkFrom) -> bytes | None:
        """Return the record that a sub-offset cuts into: records never change, so it may be read beforehand."""
        if not origin.sub_offset or origin.offset is None:
            return None
        with suppress(RelayError):  # the rule says it better
            page = await self.read(origin.source, origin.offset, 1)
            if page.records and not is_json(page.stream.content_type):
                return page.records[0]
        return None

    async def append(
        self,
        path: str,
        records: Sequence[bytes],
        *,
        content_type: str | None = None,
        producer: Producer | None = None,
        seq: str | None = None,
        close: bool = False,
    ) -> Appended:
        """Append records, close the stream, or both at once; see `rules.appending.append`."""
        rule = appending.append(path, records, content_type=content_type, producer=producer, seq=seq, close=close)
        return await self._change([path], rule)

    async def remove(self, path: str) -> None:
        """Delete a stream; while forks read from it, it is only hidden."""
        place = (await self.head(path)).fork
        source = await self._change(_with_source(path, place), lifecycle.remove(path, place))
        await self._release(source)

    async def trim(self, path: str, before: int) -> Stream:
        """Drop the first `before` records."""
        return await self.store.transact([path], trim(path, before))

    async def touch(self, stream: Stream) -> None:
        """Note that somebody has read the stream, if that makes it live longer."""
        if stream.ttl is not None and self.store.now() - stream.touched >= slack(stream.ttl):
            with suppress(StreamNotFoundError):
                await self.store.transact([stream.path], touch(stream.path))

    async def head(self, path: str) -> Stream:
        """Return the state of the stream at `path`."""
        return (await self.read(path, 0, 0)).stream

    async def read(self, path: str, after: int, limit: int) -> Page:
        """Return the stream at `path` with the records that follow the first `after`, within `limit` bytes.

        At least one record is returned if there is one; with a limit of 0, only the state.

        Raises:
            StreamNotFoundError: There is no such stream.
            StreamGoneError: It is deleted.
            OffsetTrimmedError: What follows is no longer kept.
            BadRequestError: There are not so many records.
        """
        page = await self.store.read(path, after, limit)
        stream = living(None if page is None else page.stream, self.store.now(), path)
        assert page is not None
        if stream.generation and stream.generation.lease is not None and stream.generation.lease <= self.store.now():
            await self.lapse(path)
            return await self.read(path, after, limit)
        if limit and after < stream.first:
            raise OffsetTrimmedError(path, stream.first)
        if limit and after > stream.tail:
            raise BadRequestError(f"{path!r} has {stream.tail:,} records, not {after:,}")
        if limit and after < stream.inherited:
            return await self._stitched(stream, after, limit)
        return page

    async def _stitched(self, stream: Stream, after: int, limit: int) -> Page:
        """Read a fork from where its records are still another's."""
        records: list[bytes] = []
        while limit > 0 and after + len(records) < stream.tail:
            piece = await self._piece(stream, after + len(records), limit)
            records += piece
            limit -= sum(map(len, piece))
        return Page(stream, after, records)

    async def _piece(self, stream: Stream, after: int, limit: int) -> Sequence[bytes]:
        """Return what follows from the one stream that has it."""
        page: Page | None = None
        owner, upto = stream, stream.tail
        while owner.fork is not None and after < owner.inherited:
            upto = min(upto, owner.inherited)
            page = await self.store.read(owner.fork.source, after, limit)
            if page is None or page.stream.id != owner.fork.source_id:
                raise StreamGoneError(owner.fork.source)
            owner = page.stream
        page = page or await self.store.read(stream.path, after, limit)
        if page is None or not page.records:
            raise StreamGoneError(owner.path)
        return page.records[: upto - after]

    async def reader(self, path: str, after: int | None) -> tuple[Reader, list[Page]]:
        """Return one who follows the stream, and the first pages: `follow` for those who have a thousand of them.

        Args:
            path: The stream.
            after: How many records the reader has; ``None`` begins at the tail.

        Raises:
            RelayLimitError: There are too many readers.
            RelayError: As `read`.
        """
        reader = await self.tails.open(path, after)
        try:
            return reader, await reader.next()
        except BaseException:
            reader.close()
            raise

    async def follow(
        self, path: str, after: int | None, *, patience: float | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield what follows the first `after` records, as it comes, without gap or repeat, until the stream's end.

        The first page comes at once, though it may be empty; others are empty after `patience` seconds without news.
        The last one is `Page.at_end`. Close the iterator (``contextlib.aclosing``) when you leave it early.

        Args:
            path: The stream.
            after: How many records the reader has; ``None`` begins at the tail.
            patience: In seconds; ``None`` waits for ever.

        Raises:
            RelayError: As `read`; also when the stream is deleted while it is followed.
        """
        reader, pages = await self.reader(path, after)
        with closing(reader):
            while True:
                for page in pages:
                    yield page
                if reader.at_end:
                    return
                pages = await reader.next(patience)

    async def start(
        self, path: str, records: Sequence[bytes] = (), *, lease: float = LEASE, ttl: int | None = None
    ) -> Created:
        """Begin a generation's log; see `rules.generation.start`."""
        return await self._change([path], generation.start(path, records, lease=lease, ttl=ttl))

    def write(
        self,
        path: str,
        epoch: int,
        after: int,
        records: Sequence[bytes] = (),
        *,
        lease: float = LEASE,
        status: str = "",
    ) -> asyncio.Future[Stream]:
        """Append what a generation's producer made, renew its lease, or end it; see `rules.generation.write`."""
        rule = generation.write(path, epoch, after, records, lease=lease, status=status)
        return self._change([path], rule)

    async def claim(self, path: str, *, lease: float = LEASE) -> Stream:
        """Put a new producer in charge of a generation; see `rules.generation.claim`."""
        return await self.store.transact([path], generation.claim(path, lease=lease))

    async def cancel(self, path: str) -> Stream:
        """Ask the producer of a generation to stop; see `rules.generation.cancel`."""
        return await self.store.transact([path], generation.cancel(path))

    async def lapse(self, path: str) -> Stream:
        """End a generation as truncated if its producer is lost; see `rules.generation.lapse`."""
        return await self._change([path], generation.lapse(path))

    async def sweep(self, most: int = 100) -> int:
        """End generations whose producer is lost, free what has expired, let the follower do what is due.

        Returns:
            How many streams were looked at.
        """
        paths = await self.store.due(most)
        for path in paths:
            if reserved(path):
                if self.follower is not None:
                    await self.follower.look(path)
            elif not await self._reap(path):
                with suppress(StreamNotFoundError, StreamGoneError):
                    await self.lapse(path)
        return len(paths)

    async def _reap(self, path: str) -> bool:
        """Free the path if the stream's time is over; return whether it was."""
        page = await self.store.read(path, 0, 0)
        if page is None or not (page.stream.deleted or expired(page.stream, self.store.now())):
            return False
        place = page.stream.fork
        await self._release(await self._change(_with_source(path, place), lifecycle.reap(path, place)))
        return not page.stream.forks

    async def _release(self, source: Stream | None) -> None:
        """Free the source of a fork that is gone, if nothing else holds it; and so on up the chain."""
        if source is not None and not source.forks:
            await self._reap(source.path)


def _with_source(path: str, place: Fork | None) -> list[str]:
    return [path] if place is None else [path, place.source]
