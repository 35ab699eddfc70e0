"""A generation's log on every store: one producer, a lease, an end that is a record, a wish to stop."""

import asyncio
import json

import pytest
from tests.relay.stores import on_every_store, until

from streamfold.relay.errors import (
    BadRequestError,
    FencedError,
    StreamNotFoundError,
    WriteProtectedError,
)
from streamfold.relay.log import Log
from streamfold.relay.rules.generation import ENDS
from streamfold.relay.rules.lifecycle import Creation
from streamfold.relay.writing import Writer

START, END = b'{"type":"start"}', b'{"type":"end","verdict":"complete"}'


def token(number: int) -> bytes:
    return b'{"type":"text","text":"%d"}' % number


async def records(log: Log, path: str) -> list[bytes]:
    return list((await log.read(path, 0, 1_000_000)).records)


async def verdict(log: Log, path: str) -> str:
    return str(json.loads((await records(log, path))[-1])["verdict"])


@on_every_store
async def test_the_record_exists_before_the_first_token(one: Log, other: Log) -> None:
    await one.start("g", [START])
    page = await other.read("g", 0, 100)
    assert page.records == [START]
    assert not page.at_end


@on_every_store
async def test_starting_twice_starts_once(one: Log, other: Log) -> None:
    started = await asyncio.gather(*[log.start("g", [START]) for log in (one, other) for _ in range(5)])
    assert sum(result.new for result in started) == 1
    assert await records(one, "g") == [START]


@pytest.mark.parametrize("status", ENDS)
def test_the_end_is_a_record_and_is_final(store_url: str, status: str) -> None:
    @on_every_store
    async def check(log: Log) -> None:
        await log.start("g", [START])
        ended = await log.write("g", 1, 1, [token(1), END], status=status)
        assert (ended.closed, ended.generation and ended.generation.status) == (True, status)
        assert await log.write("g", 1, 1, [token(1), END], status=status) == ended  # said again
        for retried in ([token(2)], []):
            with pytest.raises(FencedError, match="ended"):
                await log.write("g", 1, 3, retried)
        with pytest.raises(FencedError, match="ended"):
            await log.claim("g")
        assert await records(log, "g") == [START, token(1), END]

    check(store_url)


@on_every_store
async def test_an_end_without_a_record_or_a_known_name_is_refused(log: Log) -> None:
    await log.start("g", [START])
    for kwargs in ({"records": [END], "status": "finished"}, {"records": [], "status": "done"}):
        with pytest.raises(BadRequestError):
            await log.write("g", 1, 1, **kwargs)


@on_every_store
async def test_a_batch_sent_again_is_there_once(log: Log) -> None:
    await log.start("g")
    for _ in range(3):
        await log.write("g", 1, 0, [token(1), token(2)])
    await log.write("g", 1, 2, [token(3)])
    with pytest.raises(FencedError, match="thinks"):
        await log.write("g", 1, 0, [token(1)])
    assert await records(log, "g") == [token(1), token(2), token(3)]


@on_every_store
async def test_a_new_producer_fences_the_old_one_off(one: Log, other: Log) -> None:
    await one.start("g")
    await one.write("g", 1, 0, [token(1)])
    claimed = await other.claim("g")
    assert claimed.generation is not None
    assert claimed.generation.epoch == 2
    for attempt in ({"records": [token(2)]}, {"records": [END], "status": "done"}, {}):
        with pytest.raises(FencedError, match="epoch"):
            await one.write("g", 1, 1, **attempt)
    await other.write("g", 2, 1, [token(2)])
    assert await records(one, "g") == [token(1), token(2)]


@on_every_store
async def test_a_lost_producer_ends_as_truncated_and_never_as_done(one: Log, other: Log) -> None:
    """Whoever looks first, a reader or a sweeper, writes the end; the producer that comes back is told."""
    await one.start("g", [START], lease=0.01)
    await one.start("h", [START], lease=0.01)
    await asyncio.sleep(0.05)
    assert await verdict(other, "g") == "truncated"
    await asyncio.gather(*[log.sweep() for log in (one, other)] * 3)
    for path in ("g", "h"):
        page = await one.read(path, 0, 1000)
        assert page.at_end
        assert page.stream.generation is not None
        assert page.stream.generation.status == "truncated"
        assert len(page.records) == 2
        with pytest.raises(FencedError):
            await one.write(path, 1, 1, [END], status="done")


@on_every_store
async def test_a_follower_sees_the_producer_lost(one: Log, other: Log) -> None:
    await one.start("g", [START], lease=0.05)
    seen: list[bytes] = []

    async def follow() -> None:
        async for page in other.follow("g", 0):
            seen.extend(page.records)

    reader = asyncio.create_task(follow())

    async def over() -> bool:
        await one.sweep()
        return reader.done()

    await until(over)
    assert json.loads(seen[-1])["verdict"] == "truncated"


@on_every_store
async def test_a_producer_that_lives_is_left_alone(log: Log) -> None:
    await log.start("g", [START], lease=100)
    assert await log.sweep() == 0
    assert (await log.lapse("g")).generation == (await log.head("g")).generation
    assert not (await log.head("g")).closed


@on_every_store
async def test_cancelling_is_a_wish_said_as_often_as_one_likes(one: Log, other: Log) -> None:
    await one.start("g", [START])
    for log in (one, other, one):
        wished = await log.cancel("g")
        assert wished.generation is not None
        assert wished.generation.cancelled
        assert not wished.closed
    ended = await one.write("g", 1, 1, [END], status="aborted")
    assert await other.cancel("g") == ended


@on_every_store
async def test_nobody_else_writes_into_a_generation(log: Log) -> None:
    await log.start("g", [START])
    with pytest.raises(WriteProtectedError):
        await log.append("g", [END], close=True)
    await log.create("plain", Creation("application/json"))
    for call in (log.cancel("plain"), log.claim("plain"), log.start("plain"), log.write("plain", 1, 0, [END])):
        with pytest.raises(StreamNotFoundError):
            await call


@on_every_store
async def test_a_writer_writes_everything_in_order(log: Log) -> None:
    created = await log.start("g", [START])
    async with Writer(log, created.stream) as writer:
        for number in range(500):
            await writer.append(token(number))
            if number % 50 == 0:
                await asyncio.sleep(0)
            if number == 250:
                await writer.flush()
                assert (await records(log, "g"))[1:] == [token(n) for n in range(251)]
        await writer.end("done", END)
    assert await records(log, "g") == [START, *[token(n) for n in range(500)], END]


@on_every_store
async def test_a_writer_keeps_its_lease_alive(log: Log) -> None:
    created = await log.start("g", [START], lease=0.3)
    first = created.stream.generation
    async with Writer(log, created.stream, lease=0.3) as writer:

        async def renewed() -> bool:
            page = await log.store.read("g", 0, 0)
            state = page and page.stream.generation
            return bool(state and first and state.lease and first.lease and state.lease > first.lease + 0.2)

        await until(renewed)
        await writer.end("done", END)


@on_every_store
async def test_the_wish_to_stop_reaches_the_writer_on_its_node(one: Log, other: Log) -> None:
    """The lease is long: it is not the renewal that brings the news."""
    created = await one.start("g", [START], lease=1000)
    async with Writer(one, created.stream, lease=1000) as writer:
        await asyncio.sleep(0.05)
        assert not writer.cancelled.is_set()
        await other.cancel("g")
        await writer.cancelled.wait()
    assert await verdict(other, "g") == "cancelled"


@on_every_store
async def test_a_wish_from_before_reaches_the_writer(log: Log) -> None:
    created = await log.start("g", [START], lease=1000)
    await log.cancel("g")
    async with Writer(log, created.stream, lease=1000) as writer:
        await writer.cancelled.wait()
        await writer.end("aborted", END)


@on_every_store
async def test_a_writer_that_fails_ends_as_an_error(log: Log) -> None:
    created = await log.start("g", [START])
    writer = Writer(log, created.stream)
    with pytest.raises(ZeroDivisionError):
        async with writer:
            raise ZeroDivisionError
    assert json.loads((await records(log, "g"))[-1]) == {
        "type": "end",
        "verdict": "errored",
        "error": {"type": "ZeroDivisionError", "message": "the producer left without an end"},
    }


@on_every_store
async def test_a_writer_that_is_cancelled_at_any_moment_leaves_an_end(log: Log) -> None:
    write = log.write

    async def slow(*args, **kwargs):
        await asyncio.sleep(0.02)
        return await write(*args, **kwargs)

    log.write = slow

    async def produce(path: str) -> None:
        created = await log.start(path, [START])
        async with Writer(log, created.stream) as writer:
            entered.add(path)
            await writer.append(token(1))
            await writer.end("done", END)

    entered: set[str] = set()
    for moment in range(20):
        producer = asyncio.create_task(produce(f"g{moment}"))
        await asyncio.sleep(moment / 200)
        producer.cancel()
        await asyncio.gather(producer, return_exceptions=True)
    assert entered
    for path in entered:
        page = await log.read(path, 0, 1000)
        assert page.at_end, path
        assert json.loads(page.records[-1])["verdict"] in ("cancelled", "complete")


@on_every_store
async def test_a_writer_that_is_fenced_off_hears_of_it(one: Log, other: Log) -> None:
    created = await one.start("g", [START], lease=1000)
    async with Writer(one, created.stream, lease=1000) as writer:
        await other.claim("g")
        await writer.append(token(1))
        with pytest.raises(FencedError):
            await writer.flush()
        assert writer.cancelled.is_set()
    assert await records(other, "g") == [START]
