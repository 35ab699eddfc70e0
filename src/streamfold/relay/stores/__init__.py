"""Stores: where streams are kept. One interface of six verbs; what may happen to a stream is decided in `rules`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from ..rules.stream import Page, Rule, Stream
from .watchers import Wake

T = TypeVar("T")


async def open_store(url: str) -> Store:
    """Open the store at `url`: ``redis://HOST:PORT/DB`` (also ``rediss://``, ``unix://``), or the path of a file.

    Raises:
        StoreError: It cannot be opened.
    """
    if url.startswith(("redis://", "rediss://", "unix://")):
        from .redis import open_redis

        return await open_redis(url)
    from .sqlite import open_sqlite

    return await open_sqlite(url)


class Store(Protocol):
    """What keeps streams, durably: a call that returned is not undone by ``kill -9``.

    All methods belong to the event loop in which the store was opened.

    Raises:
        StoreError: By every method: the store cannot be reached or is broken. The change may or may not have been
            made, which repeating it tells: idempotent producers and `rules.generation.write` are there for it.
    """

    def now(self) -> float:
        """Return the store's time, in seconds since 1970: one clock for all that share the store."""
        ...

    def transact(self, paths: Sequence[str], rule: Rule[T]) -> asyncio.Future[T]:
        """Run a rule on the streams at these paths and write its change, all or nothing.

        Whatever the rule raises is raised here, and nothing is written. The rule runs where nobody else can change
        these streams between its decision and its effect; it may run more than once.
        """
        ...

    async def read(self, path: str, after: int, limit: int) -> Page | None:
        """Return the stream at `path` with the records that follow the first `after`; ``None`` if there is none.

        At least one record is returned if there is one, then more while they are within `limit` bytes together;
        with a limit of 0, only the state. The records of a fork are its own: those it inherited are read from its
        source.
        """
        ...

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """Call `wake` in the event loop after each change of the stream, whoever made it; return what ends that.

        It is told what has changed, or ``None`` where that is not at hand: one call may stand for several changes, or
        for none. A change made before this returned need not be told: read after you began to watch.
        """
        ...

    async def streams(self, prefix: str, after: str, limit: int) -> list[Stream]:
        """Return the streams whose paths begin with `prefix` and come after `after`, by path, at most `limit`.

        Paths are in the order of their characters' numbers.
        """
        ...

    async def due(self, limit: int) -> list[str]:
        """Return the paths of streams whose expiry, lease or last fork is over, at most `limit`."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...
