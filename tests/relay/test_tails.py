"""The tail of a stream when the news of it comes late, twice, or not at all."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from streamfold.relay.errors import StoreError, StreamNotFoundError
from streamfold.relay.rules.stream import Page, Stream
from streamfold.relay.tails import KEPT, Tails


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


async def seen_from(source: Source, script: Callable[[Source], Sequence[Page | None]]) -> list[bytes]:
    """Let the source tell what the script says; return what a reader at the start of it sees."""
    tails = Tails(source, source.read, 10)
    async with tails.follow("a") as tail:
        for page in script(source):
            source.wake(page)
            await asyncio.sleep(0)
        seen: list[bytes] = []
        while len(seen) < source.stream.tail:
            assert await tail.changed(len(seen), 5)
            page = tail.page(len(seen))
            assert page is not None
            assert page.after == len(seen)
            seen += page.records
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
        tails = Tails(source, source.read, 10)
        async with tails.follow("a") as tail:
            source.grow(5)
            source.stream = replace(source.stream, closed=True)
            source.wake(source.page(0, 2))  # as a refresh may: part of the records, and the state
            assert await tail.changed(2, 5)
            assert tail.page(2) is None  # there is more, and it is not here: the store has it

    asyncio.run(main())


def test_a_reader_that_is_ahead_of_the_tail_waits():
    source = Source()

    async def main() -> None:
        tails = Tails(source, source.read, 10)
        async with tails.follow("a") as tail:
            assert not await tail.changed(3, 0.01)
            source.wake(source.grow(3))
            assert not await tail.changed(3, 0.01)
            source.wake(source.grow(1))
            assert await tail.changed(3, 5)

    asyncio.run(main())


def test_what_is_told_is_not_read():
    source = Source()
    asyncio.run(seen_from(source, lambda source: [source.grow() for _ in range(10)]))
    assert source.reads == 1


def test_what_is_kept_is_bounded():
    source = Source()
    source.size = KEPT // 4

    async def main() -> None:
        tails = Tails(source, source.read, 10)
        async with tails.follow("a") as tail:
            for _ in range(9):
                source.wake(source.grow())
            assert tail.page(0) is None
            assert tail.page(8) is not None

    asyncio.run(main())


@pytest.mark.parametrize("what", ["another stream", "a broken store"])
def test_followers_hear_that_there_is_no_more(what):
    source = Source()

    async def main() -> None:
        tails = Tails(source, source.read, 10)
        async with tails.follow("a") as tail:
            source.broken = what == "a broken store"
            source.wake(None if source.broken else source.grow(id=2))
            assert await tail.changed(0, 5)
            tail.page(0)

    with pytest.raises(StoreError if what == "a broken store" else StreamNotFoundError):
        asyncio.run(main())
