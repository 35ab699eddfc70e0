"""The log on every store: following, forks, lifetimes. The second log of a test is another node on the same store."""

import asyncio
from contextlib import aclosing

import pytest
from tests.relay.stores import on_every_store, until

from streamfold.relay.errors import (
    BadRequestError,
    OffsetTrimmedError,
    RelayLimitError,
    StreamConflictError,
    StreamGoneError,
    StreamNotFoundError,
)
from streamfold.relay.limits import Limits
from streamfold.relay.log import Log
from streamfold.relay.rules.lifecycle import Creation, ForkFrom

JSON = Creation("application/json")


def numbered(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


async def followed(log: Log, path: str, after: int | None, pause: float = 0.0) -> list[bytes]:
    """Follow a stream to its end, perhaps slowly; check that the pages join up."""
    records: list[bytes] = []
    position = after
    async for page in log.follow(path, after):
        assert position is None or page.after == position
        position = page.next
        records += page.records
        await asyncio.sleep(pause)
    return records


@on_every_store
async def test_replay_then_live_without_gap_or_repeat(one: Log, other: Log) -> None:
    """Readers join at every moment and at every position, on the producer's node and on another."""
    await one.create("a", JSON)
    readers = []
    for number in range(1, 101):
        await one.append("a", [b"%d" % number])
        if number % 10 == 0:
            readers += [
                (after, asyncio.create_task(followed(log, "a", after)))
                for log in (one, other)
                for after in (0, number // 2, number)
            ]
    await one.append("a", [], close=True)
    for after, reader in readers:
        assert await reader == numbered(after + 1, 100)


@on_every_store
async def test_a_slow_reader_gets_everything_and_hinders_nobody(log: Log) -> None:
    await log.create("a", JSON)
    slow = asyncio.create_task(followed(log, "a", 0, pause=0.01))
    fast = asyncio.create_task(followed(log, "a", 0))
    block = [b'"%s"' % (b"x" * 1000)] * 20
    for _ in range(50):  # 1 MB: four times what is kept in memory
        await log.append("a", block)
    await log.append("a", [], close=True)
    assert len(await fast) == 1000
    assert not slow.done()
    assert len(await slow) == 1000


@on_every_store
async def test_from_now_on(log: Log) -> None:
    await log.create("a", Creation("application/json", numbered(1, 5)))
    async with aclosing(log.follow("a", None)) as pages:
        first = await anext(pages)
        assert (first.after, list(first.records)) == (5, [])
        await log.append("a", [b"6"])
        assert list((await anext(pages)).records) == [b"6"]


@on_every_store
async def test_patience_ends_in_an_empty_page(log: Log) -> None:
    await log.create("a", JSON)
    async with aclosing(log.follow("a", 0, patience=0.01)) as pages:
        for _ in range(3):
            assert list((await anext(pages)).records) == []


@on_every_store
async def test_following_a_stream_that_is_deleted(one: Log, other: Log) -> None:
    await one.create("a", JSON)

    async def follow() -> None:
        await followed(other, "a", 0)

    reader = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    await one.remove("a")
    with pytest.raises(StreamNotFoundError):
        await reader


@on_every_store
async def test_following_a_stream_that_is_made_anew_is_not_following_the_new_one(one: Log, other: Log) -> None:
    await one.create("a", Creation("application/json", numbered(1, 3)))
    async with aclosing(other.follow("a", 0)) as pages:
        await anext(pages)
        await one.remove("a")
        await one.create("a", Creation("application/json", numbered(1, 9)))
        with pytest.raises(StreamNotFoundError):
            await anext(pages)


@on_every_store
async def test_no_reader_is_left_behind(log: Log) -> None:
    await log.create("a", JSON)
    tasks = [asyncio.create_task(followed(log, "a", 0)) for _ in range(20)]
    await asyncio.sleep(0.05)
    assert log.tails.readers == 20
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert log.tails.readers == 0


@on_every_store
async def test_stopping_lets_every_reader_go(log: Log) -> None:
    await log.create("a", JSON)
    reader = asyncio.create_task(followed(log, "a", 0))
    await asyncio.sleep(0.05)
    log.stop()
    assert await reader == []


@on_every_store
async def test_readers_get_an_end_that_is_there_when_they_are_let_go(log: Log, other: Log) -> None:
    """The news of it may come later than that, or not at all."""
    created = await other.start("a", [b'"first"'])
    reader = asyncio.create_task(followed(log, "a", 0))
    while not log.tails.readers:
        await asyncio.sleep(0)
    tail = log.tails._tails["a"]
    await tail.opened
    assert tail._unwatch is not None
    tail._unwatch()
    tail._unwatch = None
    assert created.stream.generation is not None
    await other.write("a", created.stream.generation.epoch, 1, [b'"end"'], status="done")
    log.stop()
    assert await reader == [b'"first"', b'"end"']


@on_every_store
async def test_the_number_of_readers_is_bounded(log: Log) -> None:
    log = Log(log.store, Limits(max_readers=1))
    await log.create("a", JSON)
    async with aclosing(log.follow("a", 0)) as pages:
        await anext(pages)
        with pytest.raises(RelayLimitError, match="readers"):
            await followed(log, "a", 0)


@on_every_store
async def test_a_trimmed_offset_says_where_the_rest_begins(log: Log) -> None:
    await log.create("a", Creation("application/json", numbered(1, 10)))
    await log.trim("a", 6)
    with pytest.raises(OffsetTrimmedError) as caught:
        await log.read("a", 5, 100)
    assert caught.value.first == 6
    assert (await log.read("a", 6, 100)).records == numbered(7, 10)


@on_every_store
async def test_more_records_than_there_are(log: Log) -> None:
    await log.create("a", Creation("application/json", numbered(1, 3)))
    with pytest.raises(BadRequestError, match="has 3 records, not 4"):
        await followed(log, "a", 4)


@on_every_store
async def test_forks_of_forks_read_through(log: Log) -> None:
    await log.create("a", Creation("application/json", numbered(1, 10)))
    await log.create("b", JSON, ForkFrom("a", 6))
    await log.append("b", [b'"b7"', b'"b8"'])
    await log.create("c", JSON, ForkFrom("b", 7))
    await log.append("c", [b'"c8"'])
    expected = [*numbered(1, 6), b'"b7"', b'"c8"']
    for after in range(9):
        assert list((await log.read("c", after, 10_000)).records) == expected[after:]
        for limit in (1, 3):
            records = list((await log.read("c", after, limit)).records)
            assert records == expected[after : after + len(records)]
    await log.append("c", [], close=True)
    assert await followed(log, "c", 0) == expected


@on_every_store
async def test_a_chain_of_forks_goes_when_its_last_one_goes(log: Log) -> None:
    await log.create("a", Creation("application/json", numbered(1, 3)))
    await log.create("b", JSON, ForkFrom("a"))
    await log.create("c", JSON, ForkFrom("b"))
    await log.remove("a")
    await log.remove("b")
    for path in ("a", "b"):
        with pytest.raises(StreamGoneError):
            await log.head(path)
        with pytest.raises(StreamConflictError):
            await log.create(path, JSON)
    assert (await log.read("c", 0, 100)).records == numbered(1, 3)
    await log.remove("c")
    for path in ("a", "b", "c"):
        assert await log.store.read(path, 0, 0) is None


@on_every_store
async def test_expired_streams_are_swept_away_with_their_forks(log: Log) -> None:
    past = log.store.now() - 1
    await log.create("a", Creation("application/json", numbered(1, 3), expires_at=log.store.now() + 0.2))
    await log.create("b", Creation("application/json", expires_at=log.store.now() + 0.2), ForkFrom("a"))
    await log.create("c", Creation("application/json", expires_at=past))

    async def swept() -> bool:
        await log.sweep()
        return all([await log.store.read(path, 0, 0) is None for path in ("a", "b", "c")])

    await until(swept)


@on_every_store
async def test_an_expired_path_is_free(log: Log) -> None:
    await log.create("a", Creation("text/plain", [b"old"], expires_at=log.store.now() - 1))
    with pytest.raises(StreamNotFoundError):
        await log.head("a")
    assert (await log.create("a", Creation("application/json", numbered(1, 2)))).new
    assert (await log.read("a", 0, 100)).records == numbered(1, 2)


@on_every_store
async def test_creation_is_idempotent(one: Log, other: Log) -> None:
    ask = Creation("application/json", numbered(1, 2), ttl=60)
    created = await asyncio.gather(*[log.create("a", ask) for log in (one, other) for _ in range(5)])
    assert sorted(result.new for result in created) == [False] * 9 + [True]
    assert (await other.read("a", 0, 100)).records == numbered(1, 2)
