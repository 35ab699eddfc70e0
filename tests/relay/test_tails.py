"""The tail of a stream when the news of it comes late, twice, or not at all."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest
from msgspec.structs import replace

from streamfold.relay import tails
from streamfold.relay.errors import StoreError, StreamNotFoundError
from streamfold.relay.readers import Reader
from streamfold.relay.rules.stream import Page, Stream
from streamfold.relay.tails import KEPT, KEPT_PAGES, Tails


def record(number: int) -> bytes:
    return b"%d" % number


class Source:
    """A stream that grows silently, and tells what the test wants it to tell."""

    def __init__(self) -> None:
        self.stream = Stream("a", "text/plain", id=1)
        self.wake: Callable[[Page | None], None] = lambda page: None
        self.reads = 0
        self.broken = False
        self.size = 1

    async def watch(self, path: str, wake: Callable[[Page | None], None]) -> Callable[[], None]:
        self.wake = wake
        return lambda: None

    async def read(self, path: str, after: int, limit: int) -> Page:
        self.reads += 1
        await asyncio.sleep(0)
        if self.broken:
            raise StoreError("broken")
        return self.page(after, self.stream.tail if limit else after)

    def page(self, after: int, upto: int) -> Page:
        return Page(self.stream, after, [record(n) * self.size for n in range(after + 1, upto + 1)])

    def grow(self, count: int = 1, id: int = 1) -> Page:
        tail = self.stream.tail
        self.stream = Stream("a", "text/plain", id=id, tail=tail + count)
        return self.page(tail, tail + count)


def tails_of(source: Source) -> Tails:
    return Tails(source, source.read, 1000, 10)


async def news(reader: Reader) -> list[bytes]:
    """Return what comes next, within five seconds."""
    async with asyncio.timeout(5):
        return [record for page in await reader.next() for record in page.records]


async def silent(reader: Reader) -> bool:
    """Tell whether the reader waits until its patience is over."""
    return not any(page.records for page in await reader.next(0.01))


async def seen_from(source: Source, script: Callable[[Source], Sequence[Page | None]]) -> list[bytes]:
    """Let the source tell what the script says; return what a reader at the start of it sees."""
    with closing(await tails_of(source).open("a", 0)) as reader:
        assert await news(reader) == []
        for page in script(source):
            source.wake(page)
            await asyncio.sleep(0)
        seen: list[bytes] = []
        while len(seen) < source.stream.tail:
            seen += await news(reader)
        return seen


@pytest.mark.parametrize(
    "script",
    [
        lambda source: [source.grow(), source.grow(), source.grow(3)],
        lambda source: [(source.grow(), source.grow())[1]],
        lambda source: [(source.grow(2), None)[1]],
        lambda source: [source.grow(), (source.grow(), None)[1], source.grow()],
        lambda source: [source.grow(), *[source.page(0, 1)] * 2, source.grow(), source.page(0, 2)],
        lambda source: [(source.grow(2), source.page(1, 2))[1], source.page(0, 1), source.grow()],
        lambda source: [source.grow(2), (source.grow(), source.page(1, 3))[1]],
    ],
    ids=["in order", "one missed", "none at hand", "some missed", "repeated", "out of order", "overlapping"],
)
def test_no_gap_and_no_repeat_whatever_is_told(script):
    source = Source()
    seen = asyncio.run(seen_from(source, script))
    assert seen == [record(number) for number in range(1, source.stream.tail + 1)]


def test_a_reader_does_not_go_around_in_circles_while_the_tail_catches_up():
    """The end is known, the records before it are not read yet: the reader waits for nothing, nor for ever."""
    source = Source()

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            source.grow(5)
            source.stream = replace(source.stream, closed=True)
            source.wake(source.page(0, 2))  # as a refresh may: part of the records, and the state
            assert await news(reader) == [record(1), record(2)]
            assert reader.tail.pages(2) is None  # there is more, and it is not here: the store has it
            assert await news(reader) == [record(3), record(4), record(5)]
            assert reader.at_end

    asyncio.run(main())


def test_a_reader_that_is_ahead_of_the_tail_waits():
    source = Source()

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            told = source.grow(3)
            assert await news(reader) == []
            reader.position = 3  # as the store has it already
            assert await silent(reader)
            source.wake(told)
            assert await silent(reader)
            source.wake(source.grow(1))
            assert await news(reader) == [record(4)]

    asyncio.run(main())


def test_patience_is_counted_from_the_last_news():
    source = Source()

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            await news(reader)
            loop = asyncio.get_running_loop()
            for _ in range(5):
                loop.call_later(0.05, lambda: source.wake(source.grow()))
                assert await asyncio.wait_for(reader.next(0.2), 60)
            began = loop.time()
            assert await asyncio.wait_for(silent(reader), 60)
            assert loop.time() - began < 60
            assert await asyncio.wait_for(silent(reader), 60)  # and again, with another patience

    asyncio.run(main())


def test_what_is_told_is_not_read():
    source = Source()
    asyncio.run(seen_from(source, lambda source: [source.grow() for _ in range(10)]))
    assert source.reads == 1


def test_a_reader_that_was_slow_gets_all_that_came_at_once():
    source = Source()

    async def main() -> None:
        both = tails_of(source)
        with closing(await both.open("a", 0)) as reader, closing(await both.open("a", 0)) as other:
            for _ in range(5):
                source.wake(source.grow())
            pages = await reader.next()
            assert [len(page.records) for page in pages] == [1] * 5
            assert all(page is shared for page, shared in zip(pages, await other.next(), strict=True))

    asyncio.run(main())


@pytest.mark.parametrize(("size", "most"), [(KEPT // 4, 4), (1, KEPT_PAGES)], ids=["bytes", "pages"])
def test_what_is_kept_is_bounded(size, most):
    source = Source()
    source.size = size

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            for _ in range(most + 5):
                source.wake(source.grow())
            assert reader.tail.pages(0) is None
            assert reader.tail.pages(most + 4) is not None
            while reader.position < most + 5:  # what is not here comes from the store
                await news(reader)

    asyncio.run(main())


@pytest.mark.parametrize("what", ["another stream", "a broken store"])
def test_followers_hear_that_there_is_no_more(what, monkeypatch):
    monkeypatch.setattr(tails, "PAUSE", 0)
    source = Source()

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            await news(reader)
            source.broken = what == "a broken store"
            source.wake(None if source.broken else source.grow(id=2))
            await news(reader)

    with pytest.raises(StoreError if what == "a broken store" else StreamNotFoundError):
        asyncio.run(main())


def test_a_store_that_comes_back_is_waited_for(monkeypatch):
    monkeypatch.setattr(tails, "PAUSE", 0)
    source = Source()

    async def main() -> None:
        with closing(await tails_of(source).open("a", 0)) as reader:
            await news(reader)
            source.grow()
            source.broken = True
            source.wake(None)
            while source.reads < 5:
                await asyncio.sleep(0)
            source.broken = False
            assert await news(reader) == [record(1)]

    asyncio.run(main())
