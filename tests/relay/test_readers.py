"""What a reader is told by a call, without waking its task: nothing is lost, repeated or out of order for it."""

import asyncio
import http.client
import json
from collections.abc import Callable
from contextlib import ExitStack, asynccontextmanager, closing
from functools import wraps

import pytest
from msgspec.structs import replace

from streamfold.relay import tails
from streamfold.relay.readers import Reader
from streamfold.relay.rules.stream import Page

from .serving import serving
from .test_tails import Source, record, tails_of


def in_a_loop(test):
    """Make a test of a coroutine function."""

    @wraps(test)
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 60))

    return run


def words(pages: list[Page]) -> bytes:
    return b",".join(record for page in pages for record in page.records)


class Peer:
    """Who is sent to: its connection can be full, or gone."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.free = asyncio.Event()
        self.free.set()
        self.gone = False

    async def send(self, said: bytes) -> None:
        while not self.free.is_set():
            await self.free.wait()
        if self.gone:
            raise OSError("gone")
        self.got.append(said)


async def follow(reader: Reader, peer: Peer, waited: list[bytes]) -> None:
    """Send everything, as an event stream does; note what `next` returned."""
    while not reader.at_end:
        said = words(await reader.next())
        if said:
            waited.append(said)
            await peer.send(said)


@asynccontextmanager
async def following(source: Source, *peers: Peer, say=words):
    """Let each peer follow the source; yield what their readers did not say at once, and the tasks."""
    opened, waited, tasks = tails_of(source), [[] for _ in peers], []
    readers = [await opened.open("a", 0) for _ in peers]
    for reader, peer, notes in zip(readers, peers, waited, strict=True):
        reader.say_at_once(say, peer.send)
        tasks.append(asyncio.create_task(follow(reader, peer, notes)))
    await asyncio.sleep(0.01)  # now they wait
    yield waited, tasks
    for reader, task in zip(readers, tasks, strict=True):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        reader.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@in_a_loop
async def test_what_can_be_sent_is_sent_within_the_call() -> None:
    source, peers = Source(), [Peer() for _ in range(3)]
    async with following(source, *peers) as (waited, _):
        for number in range(1, 6):
            source.wake(source.grow())
            assert all(peer.got[-1] == record(number) for peer in peers)
        await settle()
        assert [peer.got for peer in peers] == [[record(n) for n in range(1, 6)]] * 3
        assert waited == [[], [], []]


@in_a_loop
async def test_a_full_connection_gets_all_in_order_when_it_is_free_and_holds_nobody_up() -> None:
    source, slow, quick = Source(), Peer(), Peer()
    async with following(source, slow, quick):
        source.wake(source.grow())
        slow.free.clear()
        for number in range(2, 10):
            source.wake(source.grow())
            assert quick.got[-1] == record(number)
            await settle()
        assert slow.got == [record(1)]
        slow.free.set()
        await settle()
        source.wake(source.grow())  # and it is told by a call again
        assert b",".join(slow.got) == b",".join(record(n) for n in range(1, 11))
        assert slow.got[-1] == record(10)


@in_a_loop
async def test_a_connection_that_is_gone_ends_its_own_reader_alone() -> None:
    source, gone, there = Source(), Peer(), Peer()
    async with following(source, gone, there) as (_, (task, other)):
        gone.gone = True
        source.wake(source.grow())
        await settle()
        source.wake(source.grow())
        assert there.got == [record(1), record(2)]
        with pytest.raises(OSError, match="gone"):
            task.result()
        assert not other.done()


@in_a_loop
async def test_a_connection_that_is_left_while_it_is_full_is_let_go() -> None:
    source, peer = Source(), Peer()
    async with following(source, peer) as (_, (task,)):
        peer.free.clear()
        source.wake(source.grow())
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert not peer.free._waiters  # nothing waits for it any more
        peer.free.set()
        source.wake(source.grow())
        await settle()
        assert peer.got == []


@in_a_loop
async def test_what_cannot_be_said_at_once_is_left_to_next() -> None:
    source, peer = Source(), Peer()
    async with following(source, peer, say=lambda pages: b"" if pages[0].next % 2 else words(pages)) as (waited, _):
        for _ in range(6):
            source.wake(source.grow())
            await settle()
        assert peer.got == [record(n) for n in range(1, 7)]
        assert waited == [[record(1), record(3), record(5)]]


@pytest.mark.parametrize("last", [0, 1], ids=["the end alone", "with the last record"])
def test_the_end_is_heard_with_the_last_record_or_after_it(last):
    @in_a_loop
    async def main() -> None:
        source, peer = Source(), Peer()
        async with following(source, peer) as (waited, (task,)):
            source.wake(source.grow())
            source.grow(last)
            source.stream = replace(source.stream, closed=True)
            source.wake(source.page(1, 1 + last))
            assert peer.got == [record(n) for n in range(1, 2 + last)]
            assert not task.done()
            await settle()
            assert task.done()
            assert waited == [[]]

    main()


def test_a_crowd_is_told_together_what_came_while_it_was_told(monkeypatch):
    monkeypatch.setattr(tails, "CROWD", -1)
    monkeypatch.setattr(tails, "REST", 0.1)

    @in_a_loop
    async def main() -> None:
        source, peer = Source(), Peer()
        async with following(source, peer) as (_, (task,)):
            for _ in range(3):
                source.wake(source.grow())
            assert peer.got == [record(1)]
            await until(lambda: len(peer.got) > 1)
            assert peer.got == [record(1), record(2) + b"," + record(3)]
            source.stream = replace(source.stream, closed=True)
            source.wake(source.page(3, 3))  # the end comes while it rests
            await task

    main()


@in_a_loop
async def test_silence_is_counted_from_what_was_said_at_once() -> None:
    source, peer = Source(), Peer()
    with closing(await tails_of(source).open("a", 0)) as reader:
        await reader.next()
        reader.say_at_once(words, peer.send)
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(reader.next(0.5))
        await asyncio.sleep(0.3)
        source.wake(source.grow())
        told = loop.time()
        pages = await asyncio.wait_for(waiting, 60)
        assert not any(page.records for page in pages)
        assert loop.time() - told > 0.45
        assert peer.got == [record(1)]


def test_over_sockets_a_reader_that_stops_reading_holds_up_nobody_and_gets_everything(store_url):
    """Its socket and the server's buffer are full soon; what it missed by then comes from the store."""
    texts = [f"{number} " + "x" * 40_000 for number in range(200)]
    with serving(store_url) as url, ExitStack() as stack:

        def ask(method: str, query: str = "", body: str | None = None, **headers: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
            stack.callback(connection.close)
            connection.request(method, f"/v1/stream/a{query}", body, {"Content-Type": "application/json", **headers})
            return stack.enter_context(connection.getresponse())

        ask("PUT").read()
        slow, quick = (ask("GET", "?offset=-1&live=sse") for _ in range(2))
        got = []
        for number, text in enumerate(texts, 1):
            ask("POST", body=json.dumps([text])).read()
            while len(got) < number:
                got += texts_of(quick)
        assert got == texts
        ask("POST", **{"Stream-Closed": "true"}).read()
        assert [text for event in slow.read().split(b"\n\n") for text in texts_in(event)] == texts


def texts_of(response: http.client.HTTPResponse) -> list[str]:
    """Read one event."""
    return texts_in(b"".join(iter(response.readline, b"\n")))


def texts_in(event: bytes) -> list[str]:
    name, _, data = event.partition(b"\ndata:")
    return json.loads(data) if name == b"event: data" else []
