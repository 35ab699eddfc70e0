"""Hearing from Redis which streams have changed: by an inbox of this node, in which all nodes put what it watches.

Who watches a stream is written down beside it; the script that commits reads that, and puts all that one commit has for
a node into its inbox as one message. A node that does not listen is taken off there, and comes back by itself. What
this node writes it tells its own watchers at once (`RedisNews.tell`), and passes over in its inbox.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from struct import Struct
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from ..ending import end
from ..rules.stream import Page
from .blocks import decode_stream, from_block
from .watchers import Wake, Watchers

PAUSE = 0.2
"""Seconds before the next attempt to listen, or to say what is watched."""
TIDY = 1.0
"""Seconds between two looks for streams that nobody watches any more."""
CONFIRM = 10.0
"""Seconds to wait until Redis knows that this node listens, or watches."""
_LENGTHS = Struct(">III")
"""What precedes each change in a message: the lengths of its path, its state and its block."""


class RedisNews:
    """The changes of watched streams, as Redis publishes them.

    While the connection is lost, changes are missed; so everybody is woken when it is back, and looks.

    Args:
        client: Redis.
        watching: What the keys begin with that have the inboxes of those who watch; a path follows.
        inbox: What the inboxes' names begin with.

    Attributes:
        origin: What the messages of this node begin with.
    """

    def __init__(self, client: redis.asyncio.Redis, watching: str, inbox: str) -> None:
        self._redis = client
        self.origin = _new_origin()
        self._watching = watching
        self._inbox = inbox + secrets.token_hex(8)
        self._watchers = Watchers()
        self._known: set[str] = set()
        self._changing = asyncio.Lock()
        self._listens = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; return when Redis has confirmed it."""
        self._task = asyncio.create_task(self._listen())
        await asyncio.wait_for(self._listens.wait(), CONFIRM)

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """Call `wake` after each change of the stream at `path`; return what ends that."""
        remove = self._watchers.add(path, wake)
        try:
            async with asyncio.timeout(CONFIRM), self._changing:
                while path not in self._known:
                    try:
                        await self._say_watched([path])
                    except (RedisError, OSError):
                        await asyncio.sleep(PAUSE)
        except BaseException:
            remove()
            raise
        return remove

    def tell(self, news: Mapping[str, Page | None]) -> None:
        """Tell the watchers what this node has written."""
        self._watchers.tell(news)

    def disown(self) -> None:
        """Hear of what this node has sent by now as of another's: what became of it is not known."""
        self.origin = _new_origin()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            await end(self._task)

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                async with self._redis.pubsub() as inbox:
                    await inbox.subscribe(self._inbox)
                    await self._hear(inbox)
            await asyncio.sleep(PAUSE)

    async def _hear(self, inbox: Any) -> None:
        loop = asyncio.get_running_loop()
        tidy = loop.time() + TIDY
        while True:
            message = await inbox.get_message(timeout=TIDY)
            if message is not None and message["type"] == "subscribe":
                await self._begin()
            elif message is not None and not message["data"].startswith(self.origin):
                self._watchers.tell(dict(_changes(message["data"][len(self.origin) :])))
            if loop.time() >= tidy:
                await self._tidy()
                tidy = loop.time() + TIDY

    async def _begin(self) -> None:
        """Say what is watched here: from now on it is heard, and not before; who missed something looks."""
        async with self._changing:
            await self._say_watched(self._watchers.paths)
        self._listens.set()
        self._watchers.tell(dict.fromkeys(self._watchers.paths))

    async def _say_watched(self, paths: Sequence[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for path in paths:
                pipeline.sadd(self._watching + path, self._inbox)
            await pipeline.execute()
        self._known.update(paths)

    async def _tidy(self) -> None:
        async with self._changing:
            unwatched = self._known - set(self._watchers.paths)
            async with self._redis.pipeline(transaction=False) as pipeline:
                for path in unwatched:
                    pipeline.srem(self._watching + path, self._inbox)
                await pipeline.execute()
            self._known -= unwatched


def _new_origin() -> bytes:
    return secrets.token_hex(8).encode()


def _changes(data: bytes) -> Iterator[tuple[str, Page | None]]:
    """Read what the script published, after the origin: of each change the path, the state, and what was appended."""
    start = 0
    while start < len(data):
        lengths = _LENGTHS.unpack_from(data, start)
        start += _LENGTHS.size
        parts = []
        for length in lengths:
            parts.append(data[start : start + length])
            start += length
        path, state, block = parts
        yield path.decode(), _page(state, block)


def _page(state: bytes, block: bytes) -> Page | None:
    if not state:
        return None
    stream, records = decode_stream(state), from_block(block) if block else []
    return Page(stream, stream.tail - len(records), records)
