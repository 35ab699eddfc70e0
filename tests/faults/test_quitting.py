"""Every way to leave a stream: the server sees the client hang up at once, and nothing is left of it here.

That nothing is left, the fixture in conftest.py checks; each test adds what is particular to its event loop.
"""

import asyncio
import gc
import itertools
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
import trio

from streamfold import Request, Timeouts, Verdict, afold, astream, fold, stream

from ..serving.recordings import text_event
from ..serving.server import Script, Server, serving
from ..serving.steps import answer, endless, hang, send, stall
from .conftest import wait_until
from .drivers import PLAIN

PROMISE = 0.05  # seconds from the moment of leaving to that at which the server knows
TRIES = 8  # the best of so many counts, because a loaded machine is late

BEGUN = send(text_event("one "))
GOES_ON: dict[str, Script] = {
    "silence": hang(),
    "keep-alives": stall(),
    "text": endless(text_event("on ")),
    "more than is read": endless(text_event("on " * 9_999), every=0),
}


class Left(Exception):  # noqa: N818 (what a caller's own code raises)
    def __init__(self, *args: object) -> None:
        self.at = time.monotonic()


def raise_left(what: object) -> None:
    raise Left


def is_prompt(leave: Callable[[Request], float], script: Script, context: ssl.SSLContext | None = None) -> None:
    """Check that the server knows soon after the moment that `leave` returns."""
    delays = []
    for _ in range(TRIES):
        with serving(script, context=context) as server:
            left = leave(Request(server.url, json={}))
            departure = server.departure()
        assert departure is not None, "the client has not hung up"
        delays.append(departure.at - left)
        if delays[-1] < PROMISE:
            return
    raise AssertionError(f"the server knew after {min(delays):.3f} s at best")


# -- sync ------------------------------------------------------------------------------------------------------------


def by_break(request: Request, **options: Any) -> float:
    with stream(request, **options) as events:
        for _ in events:
            break
        left = time.monotonic()
    assert events.reply.verdict is Verdict.CANCELLED
    return left


def by_an_exception(request: Request, **options: Any) -> float:
    with pytest.raises(Left) as caught, stream(request, **options) as events:
        raise_left(next(events))
    assert caught.value.streamfold_partial.text.startswith("one ")  # type: ignore[attr-defined]
    return caught.value.at


def by_close(request: Request, **options: Any) -> float:
    events = stream(request, **options)
    next(events)
    left = time.monotonic()
    events.close()
    assert events.reply.text.startswith("one ")
    return left


def by_garbage_collection(request: Request, **options: Any) -> float:
    events = stream(request, **options)
    next(events)
    left = time.monotonic()
    del events
    return left


def by_garbage_collection_of_a_ring(request: Request, **options: Any) -> float:
    events: Any = stream(request, **options)
    next(events)
    ring = [events]
    ring.append(ring)
    del events, ring
    gc.collect()
    return time.monotonic()


def by_the_callback(request: Request, **options: Any) -> float:
    with pytest.raises(Left) as caught:
        fold(request, on_text=raise_left, raise_callback_errors=True, **options)
    return caught.value.at


def by_the_text_alone(request: Request, **options: Any) -> float:
    with stream(request, **options) as events:
        next(events.text_stream)
        return time.monotonic()


SYNC = [
    by_break,
    by_an_exception,
    by_close,
    by_garbage_collection,
    by_garbage_collection_of_a_ring,
    by_the_callback,
    by_the_text_alone,
]


@pytest.mark.parametrize("goes_on", GOES_ON.values(), ids=GOES_ON)
@pytest.mark.parametrize("leave", SYNC)
def test_leaving(leave: Callable[..., float], goes_on: Script) -> None:
    is_prompt(leave, answer(BEGUN, goes_on))


@pytest.mark.parametrize("leave", SYNC)
def test_leaving_a_client_of_the_callers_own(leave: Callable[..., float]) -> None:
    with httpx.Client(verify=PLAIN) as client:
        is_prompt(lambda request: leave(request, client=client), answer(BEGUN, stall()))


@pytest.mark.parametrize("timeouts", [Timeouts(), Timeouts(None, None, None, None)], ids=["timed", "not timed"])
@pytest.mark.parametrize(
    "script",
    [answer(BEGUN, hang()), answer(BEGUN, stall()), answer(hang()), hang(), answer(BEGUN, head_every=0.5)],
    ids=["silence", "keep-alives", "nothing after the head", "no head", "half a head"],
)
def test_close_from_another_thread(script: Script, timeouts: Timeouts) -> None:
    def leave(request: Request) -> float:
        events = stream(request, timeouts=timeouts, retry=None)
        reader = threading.Thread(target=lambda: seen.extend(events))
        seen: list[Any] = []
        reader.start()
        time.sleep(0.1)
        left = time.monotonic()
        events.close()
        reader.join(5)
        assert not reader.is_alive()
        assert seen[-1].reply.verdict is Verdict.CANCELLED
        return left

    is_prompt(leave, script)


def test_close_from_another_thread_while_waiting_for_a_retry() -> None:
    with serving(answer(status=503, headers={"Retry-After": "30"})) as server:
        events = stream(Request(server.url, json={}))
        reader = threading.Thread(target=lambda: list(events))
        reader.start()
        wait_until(lambda: server.requests)
        time.sleep(0.1)
        events.close()
        reader.join(5)
        assert not reader.is_alive()
    assert events.reply.verdict is Verdict.CANCELLED


# -- what both have --------------------------------------------------------------------------------------------------

STOP = answer(BEGUN, send(text_event("two ST"), text_event("OP three")), stall())
LIMIT = 0.15  # seconds


def stopped(request: Request, **options: Any) -> float:
    times: list[float] = []
    reply = fold(request, stop="STOP", on_text=lambda _: times.append(time.monotonic()), **options)
    assert (reply.verdict, reply.text) == (Verdict.STOPPED, "one two ")
    return times[-1]


def astopped(request: Request) -> float:
    times: list[float] = []
    reply = asyncio.run(afold(request, stop="STOP", on_text=lambda _: times.append(time.monotonic())))
    assert (reply.verdict, reply.text) == (Verdict.STOPPED, "one two ")
    return times[-1]


def timed_out(request: Request) -> float:
    started = time.monotonic()
    assert fold(request, timeouts=Timeouts(total=LIMIT)).verdict is Verdict.TIMED_OUT
    return started + LIMIT


def atimed_out(request: Request) -> float:
    async def main() -> float:
        started = time.monotonic()
        assert (await afold(request, timeouts=Timeouts(total=LIMIT))).verdict is Verdict.TIMED_OUT
        return started + LIMIT

    return asyncio.run(main())


@pytest.mark.parametrize("leave", [stopped, astopped])
def test_a_stop(leave: Callable[[Request], float]) -> None:
    is_prompt(leave, STOP)


# Not where more comes than is read: the server, of this same process, then takes the time in which the client looks.
@pytest.mark.parametrize("goes_on", list(GOES_ON.values())[:3], ids=list(GOES_ON)[:3])
@pytest.mark.parametrize("leave", [timed_out, atimed_out])
def test_a_timeout(leave: Callable[[Request], float], goes_on: Script) -> None:
    is_prompt(leave, answer(BEGUN, goes_on))


# -- async -----------------------------------------------------------------------------------------------------------


async def aby_break(request: Request, **options: Any) -> float:
    async with astream(request, **options) as events:
        async for _ in events:
            break
        left = time.monotonic()
    assert events.reply.verdict is Verdict.CANCELLED
    return left


async def aby_an_exception(request: Request, **options: Any) -> float:
    async def read() -> None:
        async with astream(request, **options) as events:
            raise_left(await anext(events))

    with pytest.raises(Left) as caught:
        await read()
    assert caught.value.streamfold_partial.text.startswith("one ")  # type: ignore[attr-defined]
    return caught.value.at


async def aby_close(request: Request, **options: Any) -> float:
    events = astream(request, **options)
    await anext(events)
    left = time.monotonic()
    await events.aclose()
    return left


async def aby_garbage_collection(request: Request, **options: Any) -> float:
    events = astream(request, **options)
    await anext(events)
    left = time.monotonic()
    del events
    return left


async def aby_the_callback(request: Request, **options: Any) -> float:
    with pytest.raises(Left) as caught:
        await afold(request, on_text=raise_left, raise_callback_errors=True, **options)
    return caught.value.at


ASYNC = [aby_break, aby_an_exception, aby_close, aby_garbage_collection, aby_the_callback]


def under_asyncio(leave: Callable[..., Awaitable[float]], **options: Any) -> Callable[[Request], float]:
    """Return `leave` in a loop that goes on for a while: that it ends is not what closes the connection."""

    async def main(request: Request) -> float:
        left = await leave(request, **options)
        await asyncio.sleep(PROMISE)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return left

    return lambda request: asyncio.run(main(request))


def under_trio(leave: Callable[..., Awaitable[float]]) -> Callable[[Request], float]:
    async def main(request: Request) -> float:
        async with httpx.AsyncClient(verify=PLAIN) as client:
            left = await leave(request, client=client)
            await trio.sleep(PROMISE)
        return left

    return lambda request: trio.run(main, request)


@pytest.mark.parametrize("goes_on", GOES_ON.values(), ids=GOES_ON)
@pytest.mark.parametrize("leave", ASYNC)
def test_leaving_async(leave: Callable[..., Awaitable[float]], goes_on: Script) -> None:
    is_prompt(under_asyncio(leave), answer(BEGUN, goes_on))


# Not by garbage collection: httpx's stream is a chain of async generators, which trio warns of, rightly.
@pytest.mark.parametrize("leave", [leave for leave in ASYNC if leave is not aby_garbage_collection])
def test_leaving_under_trio(leave: Callable[..., Awaitable[float]]) -> None:
    is_prompt(under_trio(leave), answer(BEGUN, stall()))


WAITS: dict[str, Script] = {
    "no head": hang(),
    "nothing after the head": answer(hang()),
    "keep-alives": answer(BEGUN, stall()),
    "silence": answer(BEGUN, hang()),
    "text": answer(BEGUN, endless(text_event("on "))),
}


async def aby_cancelling_the_task(request: Request) -> float:
    task = asyncio.create_task(afold(request))
    await asyncio.sleep(0.1)
    left = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.streamfold_partial.verdict is Verdict.CANCELLED  # type: ignore[attr-defined]
    return left


async def aby_a_timeout(request: Request) -> float:
    left = time.monotonic() + LIMIT
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LIMIT):
            await afold(request)
    return left


async def aby_a_scope_of_trios(request: Request, client: httpx.AsyncClient) -> float:
    left = time.monotonic() + LIMIT
    with trio.move_on_after(LIMIT) as scope:
        await afold(request, client=client)
    assert scope.cancelled_caught
    return left


@pytest.mark.parametrize("script", WAITS.values(), ids=WAITS)
def test_cancelling_a_task(script: Script) -> None:
    is_prompt(under_asyncio(aby_cancelling_the_task), script)


@pytest.mark.parametrize("script", WAITS.values(), ids=WAITS)
def test_a_timeout_of_the_callers_own(script: Script) -> None:
    is_prompt(under_asyncio(aby_a_timeout), script)


@pytest.mark.parametrize("script", WAITS.values(), ids=WAITS)
def test_a_cancel_scope_of_trios(script: Script) -> None:
    is_prompt(under_trio(aby_a_scope_of_trios), script)


def test_cancelling_while_waiting_for_a_retry() -> None:
    async def main(server: Server) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await afold(Request(server.url, json={}))

    with serving(answer(status=503, headers={"Retry-After": "30"})) as server:
        asyncio.run(main(server))
    assert len(server.requests) == 1


# -- what is not left ------------------------------------------------------------------------------------------------


def test_many_streams_left_in_turn_leave_nothing() -> None:
    """What each would leave adds up."""
    ways: Iterator[Any] = itertools.islice(itertools.cycle(SYNC), 50)
    with serving(answer(BEGUN, stall())) as server:
        for leave in ways:
            leave(Request(server.url, json={}))
        assert server.all_departed()
        assert len(server.connections) == 50
