"""How the nodes on one Redis hear of each other: also when a connection is cut, and when a node is gone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import redis.asyncio

from streamfold.relay.errors import StoreError
from streamfold.relay.log import Log
from streamfold.relay.rules.lifecycle import Creation
from streamfold.relay.stores import redis_news
from streamfold.relay.stores.redis import INBOX, WATCHING

from .stores import opened, until

JSON = "application/json"


def with_two_nodes(test: Callable[[Log, Log, redis.asyncio.Redis], Awaitable[None]]) -> Callable[[str], None]:
    """Make a test of a coroutine function that takes two nodes, and a client of their Redis."""

    def run(redis_url: str) -> None:
        async def main() -> None:
            client = redis.asyncio.Redis.from_url(redis_url)
            async with opened(redis_url) as one, opened(redis_url) as other, client:
                await one.create("a", Creation(JSON))
                await test(one, other, client)

        asyncio.run(asyncio.wait_for(main(), 60))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def followed(log: Log, count: int) -> list[bytes]:
    """Follow the stream until there are so many records."""
    seen: list[bytes] = []
    async for page in log.follow("a", 0):
        seen += page.records
        if len(seen) >= count:
            break
    return seen


async def watched_by(client: redis.asyncio.Redis, count: int) -> None:
    """Wait until so many nodes watch the stream."""

    async def there() -> bool:
        return len(await client.smembers(WATCHING + "a")) == count

    await until(there)


@with_two_nodes
async def test_a_node_whose_connection_is_cut_misses_nothing(one: Log, other: Log, client: redis.asyncio.Redis) -> None:
    reading = asyncio.create_task(followed(other, 6))
    await watched_by(client, 1)
    records = [b"%d" % number for number in range(6)]
    for record in records:
        await client.client_kill_filter(_type="pubsub")
        await one.append("a", [record], content_type=JSON)  # nobody listens, or somebody again
        await asyncio.sleep(0.1)
    assert await reading == records


@with_two_nodes
async def test_a_node_that_is_gone_is_taken_off(one: Log, other: Log, client: redis.asyncio.Redis) -> None:
    reading = asyncio.create_task(followed(other, 1))
    await watched_by(client, 1)
    await client.sadd(WATCHING + "a", INBOX + "gone")
    await one.append("a", [b"1"], content_type=JSON)
    await watched_by(client, 1)
    assert INBOX.encode() + b"gone" not in await client.smembers(WATCHING + "a")
    assert await reading == [b"1"]


@with_two_nodes
async def test_who_watches_no_longer_is_not_told(one: Log, other: Log, client: redis.asyncio.Redis) -> None:
    told = []
    unwatch = [await log.store.watch("a", told.append) for log in (one, other)]
    await watched_by(client, 2)
    unwatch[1]()
    await watched_by(client, 1)
    await one.append("a", [b"1"], content_type=JSON)
    unwatch[0]()
    await watched_by(client, 0)
    assert [page.records for page in told] == [[b"1"]]


@with_two_nodes
async def test_one_commit_is_one_message_to_a_node(one: Log, other: Log, client: redis.asyncio.Redis) -> None:
    """Also when it has changed many streams; what is too large to tell is only named."""
    paths = [f"b/{number}" for number in range(20)]
    for path in paths:
        await one.create(path, Creation(JSON))
    told = {path: asyncio.Event() for path in paths}
    pages = {}

    def hear(path: str, page: object) -> None:
        pages[path] = page
        told[path].set()

    for path in paths:
        await other.store.watch(path, lambda page, path=path: hear(path, page))
    async with client.pubsub() as inbox:
        await inbox.subscribe((await client.smembers(WATCHING + paths[0])).pop())
        large = b'"%b"' % (b"x" * 20_000)
        records = [large, *[b"%d" % number for number in range(1, 20)]]
        await asyncio.gather(*[one.append(p, [r], content_type=JSON) for p, r in zip(paths, records, strict=True)])
        await asyncio.gather(*[event.wait() for event in told.values()])
        messages = []
        while message := await inbox.get_message(timeout=0.5):
            messages += [message] if message["type"] == "message" else []
    assert len(messages) < 5
    assert [list(pages[path].records) for path in paths] == [[], *[[record] for record in records[1:]]]
    assert all(page.stream.tail == 1 for page in pages.values())


def test_a_redis_that_does_not_answer_is_waited_for_in_bounds(redis_url, monkeypatch):
    monkeypatch.setattr(redis_news, "CONFIRM", 0.5)
    monkeypatch.setattr(redis_news, "PAUSE", 0.01)

    async def main() -> None:
        async with opened(redis_url) as log:

            def broken(*args: object, **kwargs: object) -> None:
                raise redis.ConnectionError("cut")

            monkeypatch.setattr(log.store._redis, "pipeline", broken)
            with pytest.raises(StoreError, match="Redis: TimeoutError"):
                await log.store.watch("a", print)

    asyncio.run(asyncio.wait_for(main(), 60))
