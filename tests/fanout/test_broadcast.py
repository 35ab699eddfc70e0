"""Many readers of one stream, in threads and in tasks: all get everything, and none slows another unless it may."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import trio

from streamfold import Reply, Request, StreamEnd, TextDelta, Verdict, astream, stream
from streamfold.errors import CallerError
from streamfold.events import Snapshot
from streamfold.fanout import AsyncBroadcast, AsyncReader, Broadcast, Policy, Reader

from ..serving.server import serving
from ..serving.steps import hang, says

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
POLICIES: list[Policy] = ["block", "coalesce", "resync"]
WORDS = [f"{n} " for n in range(200)]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that must come to hold."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def counted(pulled: list[str]) -> Iterator[str]:
    """Give the words, and keep in `pulled` what was asked for."""
    for word in WORDS:
        pulled.append(word)
        yield word


def text_of(events: list[Any]) -> str:
    text = ""
    for event in events:
        text = event.reply.text if isinstance(event, Snapshot) else text + getattr(event, "text", "")
    return text


# -- threads -----------------------------------------------------------------------------------------------------------


class Reading(threading.Thread):
    """A thread that reads until the end."""

    def __init__(self, reader: Reader, pause: float = 0) -> None:
        super().__init__(daemon=True)
        self.events: list[Any] = []
        self.reader = reader
        self.pause = pause
        self.start()

    def run(self) -> None:
        for event in self.reader:
            self.events.append(event)
            time.sleep(self.pause)

    def ended(self) -> list[Any]:
        self.join(20)
        assert not self.is_alive()
        return self.events


def test_every_thread_gets_everything() -> None:
    with stream(WORDS) as events:
        broadcast = Broadcast(events)
        readings = [Reading(broadcast.subscribe(policy, 3), pause) for policy in POLICIES for pause in (0, 0.001)]
        reply = broadcast.run()
    assert (reply.text, reply.verdict) == ("".join(WORDS), Verdict.COMPLETE)
    for reading in readings:
        given = reading.ended()
        assert given[-1] == StreamEnd(reply)
        assert text_of(given) == reply.text
    assert text_of(list(broadcast.subscribe())) == reply.text


def test_threads_that_come_and_go() -> None:
    def slowly() -> Iterator[str]:
        for word in WORDS:
            time.sleep(0.0005)
            yield word

    with stream(slowly()) as events:
        broadcast = Broadcast(events, keep_open=True)
        runner = threading.Thread(target=broadcast.run)
        runner.start()
        readings = []
        for n in range(40):
            with broadcast.subscribe(POLICIES[n % 3], 2) as leaver:
                next(leaver)
            readings.append(Reading(broadcast.subscribe(POLICIES[n % 3], 2), 0.001))
        for reading in readings:
            assert text_of(reading.ended()) == "".join(WORDS)
        runner.join()


@pytest.mark.parametrize("policy", ["coalesce", "resync"])
def test_a_reader_that_never_reads_slows_nobody(policy: Policy) -> None:
    with stream(WORDS) as events:
        broadcast = Broadcast(events)
        dead = broadcast.subscribe(policy, 1)
        reading = Reading(broadcast.subscribe())
        reply = broadcast.run()
    assert text_of(reading.ended()) == reply.text
    assert "".join(dead.text_stream) == reply.text


@pytest.mark.parametrize("leave", [Reader.close, None], ids=["closed", "dropped"])
def test_a_reader_that_blocks_stops_the_stream_until_it_leaves(leave: Callable[[Reader], None] | None) -> None:
    pulled: list[str] = []
    with stream(counted(pulled)) as events:
        broadcast = Broadcast(events, keep_open=True)
        blocking = broadcast.subscribe("block", 2)
        runner = threading.Thread(target=broadcast.run)
        runner.start()
        until(lambda: len(pulled) == 3)
        time.sleep(0.05)
        assert len(pulled) == 3  # two wait in the queue, and one before it
        assert next(blocking) == TextDelta("0 ")
        if leave is not None:
            leave(blocking)
        del blocking
        gc.collect()
        runner.join(20)
        assert not runner.is_alive()
    assert len(pulled) == len(WORDS)


def test_the_stream_is_closed_when_its_last_reader_has_left() -> None:
    pulled: list[str] = []
    with stream(counted(pulled)) as events:
        broadcast = Broadcast(events)
        reader = broadcast.subscribe("block", 1)

        def read() -> None:
            with reader:
                next(reader)

        thread = threading.Thread(target=read)
        thread.start()
        reply = broadcast.run()
        thread.join()
    assert reply.verdict is Verdict.CANCELLED
    assert 0 < len(pulled) < 5
    assert list(broadcast.subscribe()) == [Snapshot(reply), StreamEnd(reply)]


def test_a_server_is_left_at_once_when_the_last_reader_has_left() -> None:
    with serving(says(CHUNK, hang())) as server, stream(Request(server.url)) as events:
        broadcast = Broadcast(events)
        reader = broadcast.subscribe()
        runner = threading.Thread(target=broadcast.run)
        runner.start()
        assert next(reader) == TextDelta("a")
        reader.close()
        assert server.departure(timeout=20)
        runner.join(20)
        assert not runner.is_alive()
    assert events.reply.verdict is Verdict.CANCELLED


def test_it_is_closed_when_its_readers_left_before_it_ran() -> None:
    async def main() -> Reply:
        async with astream(WORDS) as events:
            broadcast = AsyncBroadcast(events)
            broadcast.subscribe().close()
            return await broadcast.run()

    with stream(WORDS) as events:
        broadcast = Broadcast(events)
        broadcast.subscribe().close()
        assert broadcast.run().text == "0 "
    assert asyncio.run(main()).text == "0 "


def test_it_goes_on_without_readers_if_asked_to() -> None:
    with stream(WORDS) as events:
        broadcast = Broadcast(events, keep_open=True)
        broadcast.subscribe().close()
        assert broadcast.run().verdict is Verdict.COMPLETE


def test_readers_are_told_when_the_stream_breaks_off() -> None:
    def source() -> Iterator[str]:
        yield "a E"
        raise KeyboardInterrupt

    with stream(source(), stop="END") as events:
        broadcast = Broadcast(events)
        reading = Reading(broadcast.subscribe("block", 1))
        with pytest.raises(KeyboardInterrupt):
            broadcast.run()
    given = reading.ended()
    assert text_of(given) == "a E"
    assert given[-1].reply.verdict is Verdict.CANCELLED


def test_an_error_of_the_source_reaches_every_reader() -> None:
    def source() -> Iterator[str]:
        yield "a"
        raise ConnectionError("reset")

    with stream(source()) as events:
        broadcast = Broadcast(events)
        reading = Reading(broadcast.subscribe())
        assert broadcast.run().verdict is Verdict.ERRORED
    assert reading.ended()[-1].reply.verdict is Verdict.ERRORED


def test_a_policy_that_does_not_exist() -> None:
    with stream(WORDS) as events, pytest.raises(CallerError, match="'coalesce'"):
        Broadcast(events).subscribe("lossy")  # type: ignore[arg-type]


# -- tasks -------------------------------------------------------------------------------------------------------------


async def reading(reader: AsyncReader, pause: float = 0) -> list[Any]:
    events = []
    async for event in reader:
        events.append(event)
        await asyncio.sleep(pause)
    return events


async def slowly(words: list[str] = WORDS) -> AsyncIterator[str]:
    for word in words:
        await asyncio.sleep(0.0005)
        yield word


@pytest.mark.parametrize("source", [slowly, lambda: WORDS], ids=["slow", "at once"])
def test_every_task_gets_everything(source: Callable[[], Any]) -> None:
    async def main() -> None:
        async with astream(source()) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            readings = [
                tasks.create_task(reading(broadcast.subscribe(policy, 3), pause))
                for policy in POLICIES
                for pause in (0, 0.001)
            ]
            reply = await broadcast.run()
            assert (reply.text, reply.verdict) == ("".join(WORDS), Verdict.COMPLETE)
        for task in readings:
            assert task.result()[-1] == StreamEnd(reply)
            assert text_of(task.result()) == reply.text
        assert text_of(await reading(broadcast.subscribe())) == reply.text

    asyncio.run(main())


def test_a_task_that_keeps_up_misses_nothing_of_a_burst() -> None:
    async def main() -> None:
        async with astream(WORDS) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            task = tasks.create_task(reading(broadcast.subscribe("resync", 2)))
            await broadcast.run()
        assert [event.text for event in task.result()[:-1]] == WORDS

    asyncio.run(main())


def test_tasks_that_come_and_go() -> None:
    async def main() -> None:
        async with astream(slowly()) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events, keep_open=True)
            runner = tasks.create_task(broadcast.run())
            readings = []
            for n in range(40):
                async with broadcast.subscribe(POLICIES[n % 3], 2) as leaver:
                    await anext(leaver)
                readings.append(tasks.create_task(reading(broadcast.subscribe(POLICIES[n % 3], 2), 0.001)))
            assert (await runner).text == "".join(WORDS)
        for task in readings:
            assert text_of(task.result()) == "".join(WORDS)

    asyncio.run(main())


@pytest.mark.parametrize("policy", ["coalesce", "resync"])
def test_a_task_that_never_reads_slows_nobody(policy: Policy) -> None:
    async def main() -> None:
        async with astream(WORDS) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            dead = broadcast.subscribe(policy, 1)
            task = tasks.create_task(reading(broadcast.subscribe()))
            reply = await broadcast.run()
        assert text_of(task.result()) == reply.text
        assert "".join([text async for text in dead.text_stream]) == reply.text

    asyncio.run(main())


def test_a_task_that_blocks_stops_the_stream_until_it_leaves() -> None:
    async def main() -> None:
        async with astream(slowly()) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events, keep_open=True)
            blocking = broadcast.subscribe("block", 2)
            runner = tasks.create_task(broadcast.run())
            while events.reply.text != "0 1 2 ":
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            assert events.reply.text == "0 1 2 "
            blocking.close()
            assert (await runner).text == "".join(WORDS)

    asyncio.run(main())


async def endless(closed: asyncio.Event) -> AsyncIterator[str]:
    try:
        yield "a E"
        await asyncio.sleep(60)
    finally:
        closed.set()


@pytest.mark.parametrize("leave", [AsyncReader.close, None], ids=["closed", "dropped"])
def test_the_source_is_left_at_once_when_the_last_task_has_left(leave: Callable[[AsyncReader], None] | None) -> None:
    async def main() -> Reply:
        closed = asyncio.Event()
        async with astream(endless(closed), stop="END") as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            reader = broadcast.subscribe()
            runner = tasks.create_task(broadcast.run())
            assert await anext(reader) == TextDelta("a ")
            if leave is not None:
                leave(reader)
            del reader
            await asyncio.wait_for(closed.wait(), 10)
            reply = await runner
            assert not runner.cancelled()
            assert runner.cancelling() == 0
        return reply

    reply = asyncio.run(main())
    assert (reply.text, reply.verdict) == ("a E", Verdict.CANCELLED)


def test_readers_are_told_when_the_run_is_cancelled() -> None:
    async def main() -> None:
        closed = asyncio.Event()
        async with astream(endless(closed), stop="END") as events:
            broadcast = AsyncBroadcast(events)
            task = asyncio.create_task(reading(broadcast.subscribe("block", 1)))
            runner = asyncio.create_task(broadcast.run())
            await asyncio.sleep(0.01)
            runner.cancel()
            with pytest.raises(asyncio.CancelledError):
                await runner
            given = await asyncio.wait_for(task, 10)
        assert closed.is_set()
        assert text_of(given) == "a E"
        assert given[-1].reply.verdict is Verdict.CANCELLED

    asyncio.run(main())


def test_a_reader_that_is_cancelled_costs_the_others_nothing() -> None:
    async def main() -> None:
        async with astream(slowly()) as events, asyncio.TaskGroup() as tasks:
            broadcast = AsyncBroadcast(events)
            kept = tasks.create_task(reading(broadcast.subscribe("block", 1)))
            cancelled = asyncio.create_task(reading(broadcast.subscribe("block", 1)))
            runner = tasks.create_task(broadcast.run())
            await asyncio.sleep(0.01)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert (await runner).verdict is Verdict.COMPLETE
            assert text_of(await kept) == "".join(WORDS)

    asyncio.run(main())


def test_trio_is_told_that_it_is_not_asyncio() -> None:
    async def main() -> None:
        async with astream(WORDS) as events:
            with pytest.raises(CallerError, match="asyncio"):
                await AsyncBroadcast(events).run()

    trio.run(main)
