"""The store in Redis: any number of machines, any node serves any stream, and a node may die.

A stream's state is one value and its records are the entries of a Redis Stream, one for each append, whose ids are the
number of the last record. A transaction reads the states (or remembers them), runs its rule here, and sends the change
to a script that writes it if the states are still what the rule saw: compare-and-append, in one step for all streams
of the rule. If they are not, the script returns them and the rule runs again. Every change is published, so that
readers on all nodes hear of it; whoever was cut off from that looks at everything it watches when it is back.

Acknowledged means written to Redis; how durable that is, is Redis's own setting (``appendfsync``). All nodes use the
clock of the Redis server.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import redis.asyncio
from msgspec.structs import replace
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ..errors import StoreError
from ..rules.stream import Change, Page, Rule, Stream, due
from .blocks import decode_stream, encode_stream, take, to_block
from .redis_news import RedisNews
from .redis_scripts import COMMIT, READ
from .watchers import Wake

T = TypeVar("T")

PREFIX = "streamfold:"
STATE = PREFIX + "stream:"
RECORDS = PREFIX + "records:"
CHANGED = PREFIX + "changed:"
DUE = PREFIX + "due"
IDS = PREFIX + "ids"
REMEMBERED = 10_000
"""States of streams that are kept in memory."""
CONNECTIONS = 32
"""Connections to Redis; what needs one more waits."""
TIMEOUT = 10.0
"""Seconds to wait for Redis."""


async def open_redis(url: str) -> RedisStore:
    """Open the store in the Redis at `url`, such as ``redis://127.0.0.1:6379/0``.

    Raises:
        StoreError: It cannot be reached.
    """
    store = RedisStore(url)
    try:
        await store.start()
    except BaseException:
        await store.close()
        raise
    return store


class RedisStore:
    """Streams in Redis; see `Store`. Use `open_redis`."""

    def __init__(self, url: str) -> None:
        self._pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.asyncio.Redis(connection_pool=self._pool)
        self._commit = self._redis.register_script(COMMIT)
        self._records = self._redis.register_script(READ)
        self._states: OrderedDict[str, bytes] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._news = RedisNews(self._redis, CHANGED)
        self._offset = 0.0

    def now(self) -> float:
        """See `Store.now`."""
        return time.monotonic() + self._offset

    async def start(self) -> None:
        """Set the clock and begin to listen."""
        with _store_errors():
            seconds, micros = await self._call(self._redis.time)
            self._offset = seconds + micros / 1e6 - time.monotonic()
            await self._news.start()

    async def transact(self, paths: Sequence[str], rule: Rule[T]) -> T:
        """See `Store.transact`."""
        with _store_errors():
            async with AsyncExitStack() as locks:
                for path in sorted(set(paths)):
                    await locks.enter_async_context(self._locks.setdefault(path, asyncio.Lock()))
                return await self._decide(paths, rule)

    async def _decide(self, paths: Sequence[str], rule: Rule[T]) -> T:
        remembered = [self._states.get(path) for path in paths]
        fresh = None in remembered
        seen = await self._fetch(paths) if fresh else [state or b"" for state in remembered]
        while True:
            before = tuple(decode_stream(state) if state else None for state in seen)
            try:
                change = rule(self.now(), before)
            except Exception:
                if fresh:
                    raise
            else:
                if change.streams != before or change.records:
                    written, seen = await self._write(paths, seen, before, change)
                    if written:
                        return change.result
                    fresh = True
                    continue
                if fresh:
                    return change.result
            seen, fresh = await self._fetch(paths), True  # it said so from memory: ask

    async def _fetch(self, paths: Sequence[str]) -> list[bytes]:
        states: list[bytes] = [state or b"" for state in await self._call(self._redis.mget, [STATE + p for p in paths])]
        self._remember(paths, states)
        return states

    async def _write(
        self, paths: Sequence[str], seen: Sequence[bytes], before: Sequence[Stream | None], change: Change[Any]
    ) -> tuple[bool, list[bytes]]:
        """Write the change if the states are still those seen; return whether, and the states as they are now."""
        after = [await self._with_id(stream) for stream in change.streams]
        states: list[bytes] = []
        keys: list[str] = [DUE]
        args: list[Any] = [CHANGED]
        for path, was, old, new in zip(paths, seen, before, after, strict=True):
            states.append(b"" if new is None else was if new == old else encode_stream(new))
            keys += [STATE + path, f"{RECORDS}{(new or old or _NONE).id}"]
            args += [path, was, states[-1], _due(new), _drop(old, new)]
        if change.records and after[0] is not None:
            args += [to_block(change.records), after[0].tail]
        current = await self._call(self._commit, keys, args)
        now = states if current is None else current
        self._remember(paths, now)
        return current is None, now

    async def _with_id(self, stream: Stream | None) -> Stream | None:
        if stream is None or stream.id:
            return stream
        return replace(stream, id=await self._call(self._redis.incr, IDS))

    async def _call(self, command: Callable[..., Any], *args: Any) -> Any:
        """Run a command of Redis: what its client says of the types of answers is of no use."""
        return await command(*args)

    def _remember(self, paths: Sequence[str], states: Sequence[bytes]) -> None:
        for path, state in zip(paths, states, strict=True):
            self._states.pop(path, None)
            if state:
                self._states[path] = state
        while len(self._states) > REMEMBERED:
            self._states.popitem(last=False)

    async def read(self, path: str, after: int, limit: int) -> Page | None:
        """See `Store.read`."""
        with _store_errors():
            reply = await self._call(self._records, [STATE + path], [after, limit, RECORDS])
        if reply is None:
            return None
        stream = decode_stream(reply[0])
        blocks = [(int(id.partition(b"-")[0]), block) for id, block in zip(reply[1::2], reply[2::2], strict=True)]
        return Page(stream, after, take(blocks, stream, after, limit))

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """See `Store.watch`."""
        with _store_errors():
            return await self._news.watch(path, wake)

    async def due(self, limit: int) -> list[str]:
        """See `Store.due`."""
        with _store_errors():
            paths = await self._call(self._redis.zrangebyscore, DUE, "-inf", self.now(), 0, limit)
        return [path.decode() for path in paths]

    async def close(self) -> None:
        """See `Store.close`."""
        await self._news.close()
        await self._redis.aclose()
        await self._pool.disconnect()


_NONE = Stream("", "")


def _due(stream: Stream | None) -> str:
    moment = stream and due(stream)
    return "" if moment is None else repr(moment)


def _drop(old: Stream | None, new: Stream | None) -> str:
    """Return what the script shall drop of the records."""
    if old is not None and new is None:
        return "all"
    return str(new.first + 1) if old is not None and new is not None and new.first > old.first else ""


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(f"Redis: {error}") from error
