"""What type checkers must understand of the public surface; checked, never run."""

from collections.abc import AsyncIterator
from typing import assert_type

from streamfold import (
    AsyncStream,
    Event,
    Recording,
    Reply,
    Stream,
    TextDelta,
    Verdict,
    aconsume_stream,
    afold,
    astream,
    consume_stream,
    fold,
    stream,
)
from streamfold.events import Snapshot
from streamfold.fanout import AsyncBroadcast, Broadcast


def show(text: str) -> None: ...


async def show_later(text: str) -> None: ...


def sync() -> None:
    result = consume_stream(["a"], show, stop="b")
    assert_type(result["text"], str)
    assert_type(result["n_tokens"], int)
    assert_type(result["stopped"], bool)
    consume_stream(iter(["a"]), None)
    reply = fold([b"data"], on_text=show, stop=["a", "b"])
    assert_type(reply, Reply)
    assert_type(reply.raise_for_verdict().text, str)
    assert_type(reply.verdict, Verdict | None)
    assert_type(fold(Recording.open("reply.stream"), record="again.stream"), Reply)
    with stream(["a"]) as events:
        assert_type(events, Stream)
        for event in events:
            assert_type(event, Event)
            if isinstance(event, TextDelta):
                assert_type(event.text, str)
        broadcast = Broadcast(events)
        for told in broadcast.subscribe("resync", 9):
            assert_type(told, Event | Snapshot)
        assert_type(broadcast.run(), Reply)


async def asynchronous(source: AsyncIterator[bytes]) -> None:
    assert_type(await afold(source, on_text=show_later), Reply)
    await aconsume_stream(["a"], show_later)
    async with astream(source) as events:
        assert_type(events, AsyncStream)
        async for text in events.text_stream:
            assert_type(text, str)
        broadcast = AsyncBroadcast(events)
        async for told in broadcast.subscribe("block"):
            assert_type(told, Event | Snapshot)
        assert_type(await broadcast.run(), Reply)
