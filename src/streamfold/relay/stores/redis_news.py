"""Hearing from Redis which streams have changed, on one connection for all that are watched.

What this node writes it tells its own watchers at once (`RedisNews.tell`), and passes over when Redis publishes it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from ..ending import end
from ..rules.stream import Page
from .blocks import decode_stream, from_block
from .watchers import Wake, Watchers

PAUSE = 0.2
"""Seconds before the next attempt to listen."""
TIDY = 1.0
"""Seconds between two looks for channels that nobody watches any more."""
CONFIRM = 10.0
"""Seconds to wait until Redis has confirmed that it will tell."""


class RedisNews:
    """The changes of watched streams, as Redis publishes them.

    While the connection is lost, changes are missed; so everybody is woken when it is back, and looks.

    Args:
        client: Redis.
        prefix: What the channels' names begin with; a path follows.

    Attributes:
        origin: What the messages of this node begin with.
    """

    def __init__(self, client: redis.asyncio.Redis, prefix: str) -> None:
        self._redis = client
        self.origin = _new_origin()
        self._prefix = prefix
        self._watchers = Watchers()
        self._confirmed: dict[str, asyncio.Event] = {}
        self._changing = asyncio.Lock()
        self._pubsub: Any = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; return when Redis has confirmed it."""
        self._confirmed[""] = asyncio.Event()
        self._task = asyncio.create_task(self._listen())
        await asyncio.wait_for(self._confirmed[""].wait(), CONFIRM)

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """Call `wake` after each change of the stream at `path`; return what ends that."""
        remove = self._watchers.add(path, wake)
        try:
            async with self._changing:
                if path not in self._confirmed:
                    self._confirmed[path] = asyncio.Event()
                    with suppress(RedisError, OSError):  # the listener tries again, with all paths
                        await self._pubsub.subscribe(self._prefix + path)
            await asyncio.wait_for(self._confirmed[path].wait(), CONFIRM)
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
                async with self._redis.pubsub() as self._pubsub:
                    await self._pubsub.subscribe(*[self._prefix + path for path in self._confirmed])
                    self._watchers.tell(dict.fromkeys(self._watchers.paths))
                    await self._hear()
            await asyncio.sleep(PAUSE)

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        tidy = loop.time() + TIDY
        while True:
            message = await self._pubsub.get_message(timeout=TIDY)
            if message is not None:
                self._told(message["type"], message["channel"].decode().removeprefix(self._prefix), message["data"])
            if loop.time() >= tidy:
                await self._tidy()
                tidy = loop.time() + TIDY

    def _told(self, kind: str, path: str, data: Any) -> None:
        if kind == "subscribe" and path in self._confirmed:
            self._confirmed[path].set()
        elif kind == "message" and not data.startswith(self.origin):
            self._watchers.tell({path: _page(data[len(self.origin) :])})

    async def _tidy(self) -> None:
        async with self._changing:
            unwatched = self._confirmed.keys() - set(self._watchers.paths) - {""}
            for path in unwatched:
                del self._confirmed[path]
            if unwatched:
                await self._pubsub.unsubscribe(*[self._prefix + path for path in unwatched])


def _new_origin() -> bytes:
    return secrets.token_hex(8).encode()


def _page(data: bytes) -> Page | None:
    """Read what the script published, after the origin: the state's length, the state, the block that was appended."""
    length, _, rest = data.partition(b":")
    state, block = rest[: int(length)], rest[int(length) :]
    if not state:
        return None
    stream, records = decode_stream(state), from_block(block) if block else []
    return Page(stream, stream.tail - len(records), records)
