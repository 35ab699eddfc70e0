"""`fold`, `stream` and their async twins: one table of cases under all of them, asyncio and trio alike."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from streamfold import Reply, StreamEnd, TextDelta, Timeouts, Verdict, afold, astream, fold, stream
from streamfold.errors import CallbackError, CallerError, ChunkTypeError, SourceError, TruncatedError
from streamfold.tags import Tag


class Source:
    """An iterator that counts what is pulled and remembers being closed; `end` is raised when it runs out."""

    def __init__(self, chunks: Iterable[Any], end: BaseException | None = None) -> None:
        self.chunks = iter(chunks)
        self.end = end
        self.n_pulled = 0
        self.n_closed = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for chunk in self.chunks:
            self.n_pulled += 1
            return chunk
        raise self.end or StopIteration

    def close(self) -> None:
        self.n_closed += 1


class AsyncSource(Source):
    """The same for `async for`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.n_closed += 1


@dataclass
class Driver:
    """One way to run a fold."""

    source: type[Source]
    fold: Callable[..., Reply]


def run_with(loop: Callable[..., Any]) -> Callable[..., Reply]:
    def run(source: Any, **options: Any) -> Reply:
        async def main() -> Reply:
            return await afold(source, **options)

        return loop(main) if loop is trio.run else loop(main())

    return run


DRIVERS = {
    "sync": Driver(Source, fold),
    "asyncio": Driver(AsyncSource, run_with(asyncio.run)),
    "trio": Driver(AsyncSource, run_with(trio.run)),
    "asyncio, plain source": Driver(Source, run_with(asyncio.run)),
}


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS.keys())
def driver(request: pytest.FixtureRequest) -> Driver:
    return request.param


CHAT = [
    b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"lo"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
]

CASES: dict[str, tuple[list[Any], dict[str, Any], str, Verdict]] = {
    "text": (["Hel", "lo"], {}, "Hello", Verdict.COMPLETE),
    "no chunks": ([], {}, "", Verdict.COMPLETE),
    "empty chunks": (["", "a", ""], {}, "a", Verdict.COMPLETE),
    "stop inside a chunk": (["a END b"], {"stop": "END"}, "a ", Verdict.STOPPED),
    "stop over chunks": (["a E", "N", "D b"], {"stop": "END"}, "a ", Verdict.STOPPED),
    "stop included": (["a E", "ND b"], {"stop": "END", "include_stop": True}, "a END", Verdict.STOPPED),
    "half a stop at the end": (["a E", "N"], {"stop": "END"}, "a EN", Verdict.COMPLETE),
    "half a surrogate pair": (["\ud83d", "\ude00!"], {}, "😀!", Verdict.COMPLETE),
    "bytes": (CHAT, {}, "Hello", Verdict.COMPLETE),
    "bytes cut anywhere": ([bytes([b]) for b in b"".join(CHAT)], {}, "Hello", Verdict.COMPLETE),
    "bytearrays": ([bytearray(b) for b in CHAT], {}, "Hello", Verdict.COMPLETE),
    "bytes broken off": (CHAT[:2], {}, "Hello", Verdict.TRUNCATED),
    "decoded": ([{"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}], {}, "a", Verdict.COMPLETE),
    "decoded, broken off": ([{"choices": [{"delta": {"content": "a"}}]}], {}, "a", Verdict.TRUNCATED),
}


@pytest.mark.parametrize(("chunks", "options", "text", "verdict"), CASES.values(), ids=CASES.keys())
def test_folds(driver: Driver, chunks: list[Any], options: dict[str, Any], text: str, verdict: Verdict) -> None:
    shown: list[str] = []
    source = driver.source(chunks)
    reply = driver.fold(source, on_text=shown.append, **options)
    assert (reply.text, reply.verdict) == (text, verdict)
    assert "".join(shown) == text
    assert source.n_closed == 1


def test_nothing_is_pulled_after_the_stop(driver: Driver) -> None:
    source = driver.source(["a", "END", "b", "c"])
    reply = driver.fold(source, stop="END")
    assert (reply.text, source.n_pulled, source.n_closed) == ("a", 2, 1)
    assert reply.stop is not None
    assert (reply.stop.string, reply.stop.offset, reply.stop.discarded) == ("END", 1, 0)


def test_nothing_is_pulled_after_the_end_mark(driver: Driver) -> None:
    source = driver.source([*CHAT, b"data: more\n\n"])
    assert driver.fold(source).verdict is Verdict.COMPLETE
    assert source.n_pulled == len(CHAT)


def test_a_source_that_raises_costs_nothing_received(driver: Driver) -> None:
    source = driver.source(["Hel", "lo"], ConnectionError("reset"))
    reply = driver.fold(source)
    assert (reply.text, reply.verdict, source.n_closed) == ("Hello", Verdict.ERRORED, 1)
    assert isinstance(reply.error, SourceError)
    assert isinstance(reply.error.__cause__, ConnectionError)
    with pytest.raises(SourceError, match="ConnectionError: reset"):
        reply.raise_for_verdict()


def test_a_break_after_the_finish_reason_is_no_loss(driver: Driver) -> None:
    finished = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    reply = driver.fold(driver.source([finished], ConnectionError("reset")))
    assert reply.verdict is Verdict.COMPLETE
    assert any("reset" in anomaly for anomaly in reply.anomalies)


@pytest.mark.parametrize("chunks", [["a", 1], [1], [b"data: x", "text"], [{}, "text"], ["a", None]], ids=repr)
def test_a_chunk_of_the_wrong_type_ends_the_stream_with_what_came_before(driver: Driver, chunks: list[Any]) -> None:
    source = driver.source(chunks)
    reply = driver.fold(source)
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, ChunkTypeError)
    assert type(chunks[-1]).__name__ in str(reply.error)
    assert reply.text == ("a" if chunks[0] == "a" else "")
    assert source.n_closed == 1


class BoomError(Exception):
    pass


def test_a_callback_that_raises_does_not_cost_the_answer(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    def explode(text: str) -> None:
        raise BoomError(text)

    with caplog.at_level(logging.ERROR, logger="streamfold"):
        reply = driver.fold(driver.source(["a", "b", "c"]), on_text=explode)
    assert (reply.text, reply.verdict, reply.error) == ("abc", Verdict.COMPLETE, None)
    assert isinstance(reply.callback_error, CallbackError)
    assert isinstance(reply.callback_error.__cause__, BoomError)
    assert reply.callback_error.n_errors == 3
    assert [record.getMessage() for record in caplog.records] == ["on_text raised; the stream goes on"]
    with pytest.raises(CallbackError):
        reply.raise_for_verdict()


def test_a_callback_that_raises_ends_the_stream_if_asked_to(driver: Driver) -> None:
    source = driver.source(["a", "b", "c"])
    boom = BoomError()

    def explode(text: str) -> None:
        raise boom

    with pytest.raises(BoomError) as caught:
        driver.fold(source, on_text=explode, raise_callback_errors=True)
    assert caught.value is boom
    assert (source.n_pulled, source.n_closed) == (1, 1)
    assert boom.streamfold_partial.text == "a"  # type: ignore[attr-defined]
    assert boom.streamfold_partial.verdict is Verdict.CANCELLED  # type: ignore[attr-defined]


def test_an_interrupt_passes_through_with_the_partial_reply(driver: Driver) -> None:
    source = driver.source(["Hel", "lo"], KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        driver.fold(source)
    assert source.n_closed == 1
    assert caught.value.streamfold_partial.text == "Hello"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": 1}, "int, expected an iterable"),
        ({"source": [], "on_text": 1}, "on_text is int"),
        ({"source": [], "stop": ""}, "empty"),
        ({"source": [], "stop": ["a", 1]}, "stop 1 is int"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_said_before_anything_is_pulled(
    driver: Driver, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CallerError, match=message):
        driver.fold(**arguments)


def test_bytes_are_one_read(driver: Driver) -> None:
    assert driver.fold(b"".join(CHAT)).text == "Hello"


def test_a_source_that_cannot_be_closed_is_noted(driver: Driver) -> None:
    class Stuck(driver.source):  # type: ignore[name-defined, misc]
        def close(self) -> None:
            raise OSError("stuck")

        async def aclose(self) -> None:
            raise OSError("stuck")

    source = Stuck(["a"])
    if driver is DRIVERS["asyncio, plain source"]:
        del Stuck.aclose
    reply = driver.fold(source)
    assert (reply.text, reply.verdict) == ("a", Verdict.COMPLETE)
    assert reply.anomalies == ["closing the source raised OSError: stuck"]


# -- iterating ---------------------------------------------------------------------------------------------------------


def test_stream_gives_events_and_the_reply_at_any_moment() -> None:
    seen = []
    with stream(["a ", "E", "ND"], stop="END") as events:
        assert events.reply.verdict is None
        for event in events:
            seen.append(event)
            if isinstance(event, TextDelta):
                assert (events.reply.text, events.reply.verdict) == ("a ", None)
    assert seen == [TextDelta("a "), StreamEnd(events.reply)]
    assert events.reply.verdict is Verdict.STOPPED
    assert list(events) == []


def test_leaving_a_stream_closes_its_source_and_keeps_what_came() -> None:
    source = Source(["a", "b", "c"])
    with stream(source) as events:
        for _ in events:
            break
    assert (source.n_pulled, source.n_closed) == (1, 1)
    assert (events.reply.text, events.reply.verdict) == ("a", Verdict.CANCELLED)


def test_an_exception_of_the_reader_closes_the_source_and_carries_the_reply() -> None:
    source = Source(["a", "b"])

    def read() -> None:
        with stream(source) as events:
            next(events)
            raise BoomError

    with pytest.raises(BoomError) as caught:
        read()
    assert source.n_closed == 1
    assert caught.value.streamfold_partial.text == "a"  # type: ignore[attr-defined]


def test_a_stream_that_is_dropped_closes_its_source() -> None:
    source = Source(["a", "b"])
    events = stream(source)
    next(events)
    del events
    assert source.n_closed == 1


def test_closing_twice_is_once() -> None:
    source = Source(["a"])
    events = stream(source)
    events.close()
    events.close()
    assert source.n_closed == 1
    assert events.reply.verdict is Verdict.CANCELLED


def test_a_plain_stream_refuses_an_async_source() -> None:
    with pytest.raises(CallerError, match="astream"):
        stream(AsyncOnly())


class AsyncOnly:
    def __aiter__(self) -> Any:
        return self


LOOPS: dict[str, Callable[[Callable[[], Awaitable[None]]], None]] = {
    "asyncio": lambda main: asyncio.run(main()),  # type: ignore[arg-type]
    "trio": trio.run,
}


@pytest.fixture(params=LOOPS.values(), ids=LOOPS.keys())
def loop(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    return request.param


def test_astream_gives_events_and_closes_its_source(loop: Any) -> None:
    async def main() -> None:
        source = AsyncSource(["a", "b", "c"])
        async with astream(source) as events:
            async for text in events.text_stream:
                assert text == "a"
                break
        assert (source.n_pulled, source.n_closed) == (1, 1)
        assert events.reply.verdict is Verdict.CANCELLED
        assert [event async for event in events] == []

    loop(main)


def test_a_source_that_can_be_iterated_either_way_is_awaited() -> None:
    """Such as the embedded engine's: its plain side would block the event loop."""

    class Either:
        n_left = 2

        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            raise AssertionError("the event loop is blocked")

        def __aiter__(self) -> AsyncIterator[str]:
            return self

        async def __anext__(self) -> str:
            self.n_left -= 1
            if self.n_left < 0:
                raise StopAsyncIteration
            return "a"

    async def main() -> Reply:
        return await afold(Either())

    reply = asyncio.run(main())
    assert (reply.text, reply.error) == ("aa", None)


def test_an_async_callback_is_awaited_before_more_is_pulled(loop: Any) -> None:
    async def main() -> None:
        source = AsyncSource(["a", "b"])
        pulled: list[int] = []

        async def show(text: str) -> None:
            pulled.append(source.n_pulled)

        await afold(source, on_text=show)
        assert pulled == [1, 2]

    loop(main)


def test_cancelling_closes_the_source() -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def endless() -> AsyncIterator[str]:
            try:
                yield "a"
                await asyncio.sleep(60)
            finally:
                closed.set()

        task = asyncio.create_task(afold(endless()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert closed.is_set()
        assert caught.value.streamfold_partial.text == "a"  # type: ignore[attr-defined]

    asyncio.run(main())


def test_a_deadline_ends_the_read_of_whichever_task_reads() -> None:
    async def main() -> None:
        async def endless() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(60)

        async with astream(endless(), timeouts=Timeouts(gap=0.05)) as events:
            first = await asyncio.create_task(anext(events))
            reader = asyncio.create_task(anext(events))
            end = await asyncio.wait_for(asyncio.shield(reader), 30)
            assert isinstance(first, TextDelta)
            while not isinstance(end, StreamEnd):
                end = await anext(events)
            assert end.reply.verdict is Verdict.TIMED_OUT
            assert not reader.cancelled()
            assert reader.cancelling() == 0

    asyncio.run(main())


def said(**delta: Any) -> bytes:
    """Return an event with one delta, in a stream that says each time who answers."""
    chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


TEXT, REASONING = said(content="a"), said(reasoning="r")
CALL, ARGUMENTS = (
    said(tool_calls=[{"index": 0, "id": id, "function": {"name": id, "arguments": arguments}}])
    for id, arguments in [("f", ""), (None, "[")]
)
PIECES = {
    "text": [TEXT] * 9,
    "reasoning": [REASONING] * 9,
    "a tool call": [CALL] + [ARGUMENTS] * 9,
    "reasoning, then text": [REASONING] * 4 + [TEXT] * 4,
    "all of it, by turns": [TEXT, REASONING, CALL, ARGUMENTS] * 4,
}


@pytest.mark.parametrize("end", [[], [b"data: [DONE]\n\n"]], ids=["cut", "ended"])
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_a_fold_sees_what_a_stream_does_and_counts_every_read_once(pieces: list[bytes], end: list[bytes]) -> None:
    reads, shown = pieces + end, list[str]()
    reply = fold(reads, on_text=shown.append)
    with stream(reads) as events:
        deltas = [event for event in events if isinstance(event, TextDelta)]
    assert reply.parts == events.reply.parts
    assert shown == [delta.text for delta in deltas]
    counted, streamed = reply.timing, events.reply.timing
    assert counted is not None
    assert streamed is not None
    assert counted.first is not None
    assert (counted.events, counted.bytes) == (len(reads), sum(map(len, reads)))
    assert (counted.deltas, counted.events, counted.bytes) == (streamed.deltas, streamed.events, streamed.bytes)


def test_raise_for_verdict_names_what_is_missing() -> None:
    reply = fold(CHAT[:1])
    with pytest.raises(TruncatedError, match="broke off after 3 characters") as caught:
        reply.raise_for_verdict()
    assert caught.value.reply is reply
    assert fold(["a"]).raise_for_verdict().text == "a"


# -- options -----------------------------------------------------------------------------------------------------------


def test_raw_keeps_what_the_provider_sent(driver: Driver) -> None:
    reply = driver.fold(driver.source(CHAT), raw=True)
    assert reply.raw == [line[6:] for line in b"".join(CHAT).split(b"\n\n")[:-1]]
    decoded = [{"choices": [{"delta": {"content": "a"}}]}]
    assert driver.fold(driver.source(decoded), raw=True).raw == decoded
    assert driver.fold(driver.source(CHAT)).raw is None


def test_text_in_whole_grapheme_clusters(driver: Driver) -> None:
    shown: list[str] = []
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    reply = driver.fold(driver.source([*f"a{family}e\u0301x"]), on_text=shown.append, graphemes=True)
    assert shown == ["a", family, "e\u0301", "x"]
    assert reply.text == "".join(shown)


def test_tags_of_the_callers_own(driver: Driver) -> None:
    reply = driver.fold(driver.source(["<a", ">hm</a>", "yes"]), tags=[Tag("<a>", "</a>")])
    assert (reply.reasoning, reply.text) == ("hm", "yes")
    assert driver.fold(driver.source(["<think>hm</think>yes"]), tags=()).text == "<think>hm</think>yes"


def test_the_dialect_can_be_named(driver: Driver) -> None:
    strange = b'data: {"choices":[]}\n\n'
    assert driver.fold(driver.source([strange, *CHAT]), dialect="openai_chat").text == "Hello"
    with pytest.raises(CallerError, match="openai_chat"):
        driver.fold(driver.source([]), dialect="klingon")


def test_the_reply_tells_its_dialect(driver: Driver) -> None:
    assert driver.fold(driver.source(CHAT)).dialect == "openai_chat"
    assert driver.fold(driver.source([{"choices": [{"delta": {"content": "a"}}]}])).dialect == "openai_chat"
    assert driver.fold(driver.source(["a"])).dialect is None


@pytest.mark.parametrize("chunk", [b'data: {"who":"knows"}\n\n', {"who": "knows"}], ids=["wire", "decoded"])
def test_an_unknown_dialect_is_an_error_that_lists_the_known_ones(driver: Driver, chunk: Any) -> None:
    reply = driver.fold(driver.source([chunk]))
    assert reply.verdict is Verdict.ERRORED
    assert "openai_chat" in str(reply.error)
    assert "knows" in str(reply.error)
