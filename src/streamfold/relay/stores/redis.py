"""The store in Redis: any number of machines, any node serves any stream, and a node may die.

A stream's state is one value and its records are the entries of a Redis Stream, one for each append, whose ids are the
number of the last record. Transactions that wait are sent together: their rules run here, on states that were read or
are remembered, and a script writes each change if the states are still what its rule saw: compare-and-append, in one
step for all streams of a rule. If they are not, the script returns them and the rule runs again. Every change is told
to the nodes that watch the stream (to the watchers of this node at once); whoever was cut off from that looks at
everything it watches when it is back.

Acknowledged means written to Redis; how durable that is, is Redis's own setting (``appendfsync``). All nodes use the
clock of the Redis server.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ..errors import StoreError
from ..rules.stream import Page, Rule, Stream
from .blocks import decode_stream, take
from .jobs import Job, Jobs
from .redis_news import RedisNews
from .redis_scripts import COMMIT, READ
from .redis_unit import State, Unit, state_of, units
from .watchers import Wake

T = TypeVar("T")

PREFIX = "streamfold:"
STATE = PREFIX + "stream:"
RECORDS = PREFIX + "records:"
WATCHING = PREFIX + "watching:"
INBOX = PREFIX + "inbox:"
DUE = PREFIX + "due"
PATHS = PREFIX + "paths"
IDS = PREFIX + "ids"
GROUP = 256
"""Transactions that are sent together."""
IDS_AT_ONCE = 256
"""Ids for new streams that a node takes for itself at a time."""
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
        self._script = self._redis.register_script(COMMIT)
        self._records = self._redis.register_script(READ)
        self._states: dict[str, State] = {}
        self._ids: deque[int] = deque()
        self._news = RedisNews(self._redis, WATCHING, INBOX)
        self._offset = 0.0
        self._jobs = Jobs()
        self._writer: asyncio.Task[None] | None = None

    def now(self) -> float:
        """See `Store.now`."""
        return time.monotonic() + self._offset

    async def start(self) -> None:
        """Set the clock, begin to listen and to write."""
        with _store_errors():
            seconds, micros = await self._call(self._redis.time)
            self._offset = seconds + micros / 1e6 - time.monotonic()
            await self._news.start()
        self._writer = asyncio.create_task(self._write())

    def transact(self, paths: Sequence[str], rule: Rule[T]) -> asyncio.Future[T]:
        """See `Store.transact`."""
        return self._jobs.do(paths, rule)

    async def _write(self) -> None:
        while self._jobs or not self._jobs.closing:
            self._jobs.wanted.clear()
            if self._jobs:
                await self._commit(self._jobs.take(GROUP))
                await self._jobs.gather()
            else:
                await self._jobs.wanted.wait()

    async def _commit(self, jobs: Sequence[Job]) -> None:
        together, later = units(jobs)
        written = True
        try:
            with _store_errors():
                if len(self._states) > REMEMBERED:
                    self._states.clear()
                states = await self._known([path for unit in together for path in unit.paths])
                await self._reserve(len(jobs))
                for unit in together:
                    later += unit.decide(self.now(), states, self._ids.popleft)
                conflicts = await self._send(together)
        except Exception as error:  # whatever it is, those who wait are told
            written = False
            self._states.clear()
            self._news.disown()
            for job in (job for unit in together for job in unit.jobs):
                job.error = error
            conflicts = {}
        for number, unit in enumerate(together, 1):
            if number in conflicts:
                later += unit.jobs
                continue
            for job in unit.jobs:
                job.settle()
            if written:
                self._news.tell(unit.news())
        self._jobs.put_back(later)

    async def _known(self, paths: Sequence[str]) -> dict[str, State]:
        """Return the states as they are remembered, else as they are."""
        states = {path: self._states[path] for path in paths if path in self._states}
        unknown = [path for path in paths if path not in states]
        if unknown:
            found = await self._call(self._redis.mget, [STATE + path for path in unknown])
            states |= {path: state_of(raw) for path, raw in zip(unknown, found, strict=True)}
        return states

    async def _reserve(self, count: int) -> None:
        """See to it that there are ids for `count` new streams; what is not used of them never will be."""
        if len(self._ids) < count:
            last = await self._call(self._redis.incrby, IDS, IDS_AT_ONCE)
            self._ids.extend(range(last - IDS_AT_ONCE + 1, last + 1))

    async def _send(self, together: Sequence[Unit]) -> dict[int, list[State]]:
        """Write the units; return the true states of those that were decided on others, by their number from 1."""
        told = msgspec.msgpack.encode([unit.write(STATE, RECORDS) for unit in together])
        answer = await self._call(self._script, [DUE, PATHS], [WATCHING, self._news.origin, told])
        conflicts = {number: [state_of(raw) for raw in states] for number, *states in answer}
        for number, unit in enumerate(together, 1):
            self._remember(unit.paths, conflicts.get(number, unit.states))
        return conflicts

    async def _call(self, command: Callable[..., Any], *args: Any) -> Any:
        """Run a command of Redis: what its client says of the types of answers is of no use."""
        return await command(*args)

    def _remember(self, paths: Sequence[str], states: Sequence[State]) -> None:
        for path, state in zip(paths, states, strict=True):
            if state.stream is not None:
                self._states[path] = state
            else:
                self._states.pop(path, None)

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

    async def streams(self, prefix: str, after: str, limit: int) -> list[Stream]:
        """See `Store.streams`."""
        start = f"({after}" if after >= prefix else f"[{prefix}"
        with _store_errors():
            paths = await self._call(self._redis.zrangebylex, PATHS, start, "+", 0, limit)
            paths = list(takewhile(lambda path: path.startswith(prefix.encode()), paths))
            states = await self._call(self._redis.mget, [STATE.encode() + path for path in paths]) if paths else []
        return [decode_stream(state) for state in states if state]

    async def due(self, limit: int) -> list[str]:
        """See `Store.due`."""
        with _store_errors():
            paths = await self._call(self._redis.zrangebyscore, DUE, "-inf", self.now(), 0, limit)
        return [path.decode() for path in paths]

    async def close(self) -> None:
        """See `Store.close`."""
        self._jobs.close()
        if self._writer is not None:
            await self._writer
        await self._news.close()
        await self._redis.aclose()
        await self._pool.disconnect()


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(f"Redis: {str(error) or type(error).__name__}") from error
