"""Requests over real sockets: one table of cases under every client, sync and async, asyncio and trio."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
import trio

from streamfold import Reply, Request, RetryPolicy, Timeouts, Verdict, afold, astream, fold, stream
from streamfold.errors import CallerError, ProviderError, SourceError, TimedOutError
from streamfold.taps import Tap

from ..serving.recordings import DONE, FINISH, text_event
from ..serving.server import Script, Server, serving
from ..serving.steps import answer, cut, hang, raw, send, stall
from ..serving.steps import endless as going_on

LET_GO = 0.05  # seconds: the promise
LOADED = 1.0  # what a loaded machine may add; every such test takes the best of several

Fold = Callable[..., Reply]


def asking(server: Server, **more: Any) -> Request:
    return Request(
        f"{server.url}/v1/chat/completions",
        json={"model": "m", "stream": True},
        headers={"Authorization": "Bearer sk-12345678"},
        **more,
    )


# -- the ways to drive a request; each runs several in a row on one client ---------------------------------------------


def in_asyncio(client: Callable[[], Any] | None) -> Callable[..., list[Reply]]:
    async def main(asks: list[tuple[Any, dict[str, Any]]]) -> list[Reply]:
        if client is None:
            return [await afold(source, **options) for source, options in asks]
        async with client() as opened:
            return [await afold(source, client=opened, **options) for source, options in asks]

    return lambda asks: asyncio.run(main(asks))


def in_trio(client: Callable[[], Any]) -> Callable[..., list[Reply]]:
    async def main(asks: list[tuple[Any, dict[str, Any]]]) -> list[Reply]:
        async with client() as opened:
            return [await afold(source, client=opened, **options) for source, options in asks]

    return lambda asks: trio.run(main, asks)


def in_sync(client: Callable[[], Any] | None) -> Callable[..., list[Reply]]:
    def main(asks: list[tuple[Any, dict[str, Any]]]) -> list[Reply]:
        if client is None:
            return [fold(source, **options) for source, options in asks]
        with client() as opened:
            return [fold(source, client=opened, **options) for source, options in asks]

    return main


DRIVERS: dict[str, Callable[..., list[Reply]]] = {
    "sync": in_sync(None),
    "asyncio": in_asyncio(None),
    "sync, httpx": in_sync(httpx.Client),
    "asyncio, httpx": in_asyncio(httpx.AsyncClient),
    "trio, httpx": in_trio(httpx.AsyncClient),
    "sync, httpx2": in_sync(httpx2.Client),
    "asyncio, httpx2": in_asyncio(httpx2.AsyncClient),
}


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS)
def run(request: pytest.FixtureRequest) -> Iterator[Callable[..., list[Reply]]]:
    yield request.param
    gc.collect()  # what was left open warns now


def one(run: Callable[..., list[Reply]], source: Any, **options: Any) -> Reply:
    return run([(source, options)])[0]


HELLO = [text_event("Hel"), text_event("lo"), FINISH, DONE]
hello = answer(send(*HELLO), headers={"x-request-id": "r1"})


def test_a_reply_comes_whole(run: Any) -> None:
    shown: list[str] = []
    with serving(hello) as server:
        reply = one(run, asking(server), on_text=shown.append)
    assert (reply.text, reply.verdict, shown) == ("Hello", Verdict.COMPLETE, ["Hel", "lo"])
    assert reply.response is not None
    assert (reply.response.status, reply.response.request_id, reply.response.attempts) == (200, "r1", 1)
    assert [request.body for request in server.requests] == [b'{"model":"m","stream":true}']
    assert server.requests[0].headers["authorization"] == "Bearer sk-12345678"


def test_the_timing_counts_what_came(run: Any) -> None:
    """Whatever the network put into one read."""
    with serving(hello) as server:
        timing = one(run, asking(server)).timing
    assert timing is not None
    assert (timing.deltas, timing.events) == (2, 4)
    assert timing.bytes == len(b"".join(HELLO))
    assert timing.first is not None
    assert timing.generating is not None
    assert 0 < timing.first <= timing.first + timing.generating <= timing.total


def test_three_streams_in_a_row_use_one_connection(run: Any) -> None:
    with serving(hello) as server:
        replies = run([(asking(server), {})] * 3)
    assert [reply.text for reply in replies] == ["Hello"] * 3
    assert len(server.connections) == 1


def test_the_end_mark_is_the_end_though_the_response_is_not(run: Any) -> None:
    with serving(answer(send(text_event("Hello"), DONE), hang())) as server:
        started = time.monotonic()
        reply = one(run, asking(server))
        assert (left := server.departure()) is not None
        assert left.at - started < 5
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


endless = answer(send(*map(text_event, ["one ", "two ", "END", " more"])), going_on(b":", 0.001))


def test_a_stop_makes_the_sender_quit(run: Any) -> None:
    with serving(endless) as server:
        reply = one(run, asking(server), stop="END")
        assert server.departure() is not None
    assert (reply.text, reply.verdict) == ("one two ", Verdict.STOPPED)


# -- clocks ------------------------------------------------------------------------------------------------------------


stalling = answer(send(text_event("one")), stall(0.02))
silent = hang()
dripping = answer(hang(), head_every=0.02, headers={"X-Long": "x" * 200})


CLOCKS: dict[str, tuple[Script, Timeouts, str, str]] = {
    "stalled after text, though kept alive": (
        stalling,
        Timeouts(gap=0.2),
        "one",
        "no content for 0.[2-9] s, limit 0.2 s",
    ),
    "total": (stalling, Timeouts(total=0.2), "one", "no end after 0.[2-9] s, limit 0.2 s"),
    "no response": (silent, Timeouts(first=0.2), "", "no first content for 0.[2-9] s, limit 0.2 s"),
    "a response byte by byte": (dripping, Timeouts(first=0.2), "", "no first content for 0.[2-9] s, limit 0.2 s"),
}


@pytest.mark.parametrize(("script", "timeouts", "text", "sentence"), CLOCKS.values(), ids=CLOCKS)
def test_a_deadline_passes(run: Any, script: Script, timeouts: Timeouts, text: str, sentence: str) -> None:
    if script is dripping and run in (DRIVERS["sync, httpx"], DRIVERS["sync, httpx2"]):
        pytest.skip("httpx cannot be interrupted while it reads headers; its docstring says so")
    with serving(script) as server:
        started = time.monotonic()
        reply = one(run, asking(server), timeouts=timeouts, retry=None)
        lasted = time.monotonic() - started
        assert server.departure() is not None
    assert (reply.text, reply.verdict) == (text, Verdict.TIMED_OUT)
    assert 0.2 <= lasted < 5
    with pytest.raises(TimedOutError, match=sentence):
        reply.raise_for_verdict()


# -- responses that are no stream --------------------------------------------------------------------------------------


def refusing(status: int, body: bytes, content_type: str = "text/plain", **headers: str) -> Script:
    return answer(send(body), status=status, length=len(body), content_type=content_type, headers=headers)


REFUSALS: dict[str, tuple[Script, int, bool, str]] = {
    "JSON": (
        refusing(401, b'{"error":{"message":"bad key","type":"auth"}}', content_type="application/json"),
        401,
        False,
        "bad key",
    ),
    "a page": (
        refusing(502, b"<html><title>Bad Gateway</title></html>", content_type="text/html"),
        502,
        True,
        "a web page, not a stream: Bad Gateway",
    ),
    "a page under a good status": (
        refusing(200, b"<html><title>Log in</title></html>", content_type="text/html; charset=utf-8"),
        200,
        False,
        "Log in",
    ),
    "nothing": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, False, "an empty response"),
    "elsewhere": (
        refusing(307, b"", Location="http://127.0.0.1:1/other?key=sk-12345678"),
        307,
        False,
        "redirected to http://127.0.0.1:1/other, which is not followed",
    ),
    "text": (refusing(400, b"model not found", content_type="text/plain"), 400, False, "model not found"),
}


@pytest.mark.parametrize(("script", "status", "retryable", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_response_that_is_no_stream(run: Any, script: Script, status: int, retryable: bool, words: str) -> None:
    with serving(script) as server:
        reply = one(run, asking(server), retry=None)
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.status, reply.error.retryable) == (status, retryable)
    assert words in str(reply.error)
    assert "sk-12345678" not in str(reply.error)


# -- retries -----------------------------------------------------------------------------------------------------------


busy = answer(send(b'{"error":{"message":"overloaded"}}'), status=503, headers={"Retry-After": "0"})
busy_twice = [busy, busy, hello]


def test_a_refusal_that_passes_is_retried(run: Any) -> None:
    with serving(*busy_twice) as server:
        reply = one(run, asking(server))
    assert (reply.text, reply.verdict, len(server.requests)) == ("Hello", Verdict.COMPLETE, 3)
    assert reply.response is not None
    assert reply.response.attempts == 3
    assert reply.failed_attempts == ["overloaded (503)"] * 2


def test_a_server_that_is_not_there(run: Any) -> None:
    reply = one(run, Request("http://127.0.0.1:1/v1?key=sk-12345678", json={}), retry=RetryPolicy(attempts=2))
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, SourceError)
    assert "http://127.0.0.1:1" in str(reply.error)
    assert "sk-12345678" not in str(reply.error)


def test_another_endpoint_is_asked_when_the_first_one_fails(run: Any) -> None:
    with serving(hello) as server:
        reply = one(run, [Request("http://127.0.0.1:1/v1", json={}), asking(server)], retry=None)
    assert (reply.text, len(server.requests)) == ("Hello", 1)


broken_once = [answer(send(text_event("Hel")), cut()), hello]


def test_after_text_it_is_not_retried_unasked(run: Any) -> None:
    with serving(*broken_once) as server:
        reply = one(run, asking(server))
    assert (reply.text, reply.verdict, len(server.requests)) == ("Hel", Verdict.TRUNCATED, 1)


def test_a_restart_takes_back_what_was_shown(run: Any) -> None:
    shown: list[str] = []
    with serving(*broken_once) as server:
        policy = RetryPolicy(after_text="restart")
        reply = one(run, asking(server), on_text=shown.append, on_reset=lambda _: shown.clear(), retry=policy)
        with pytest.raises(CallerError, match="on_reset"):
            one(run, asking(server), on_text=shown.append, retry=policy)
    assert (reply.text, "".join(shown), reply.verdict) == ("Hello", "Hello", Verdict.COMPLETE)


class Recorder(Tap):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.times: list[float] = []

    def request(self, request: Request, attempt: int, now: float) -> None:
        self._tell(f"request {attempt}", now)

    def response(self, status: int, headers: Any, now: float) -> None:
        self._tell(f"response {status}", now)

    def chunk(self, chunk: Any, now: float) -> None:
        if self.told[-1] != "chunk":
            self._tell("chunk", now)

    def retry(self, why: str, wait: float, now: float) -> None:
        self._tell("retry", now)

    def end(self, reply: Reply, now: float) -> None:
        self._tell(f"end {reply.verdict}", now)

    def _tell(self, what: str, now: float) -> None:
        self.told.append(what)
        self.times.append(now)


def test_a_tap_is_told_what_goes_by(run: Any) -> None:
    tap = Recorder()
    with serving(*busy_twice) as server:
        one(run, asking(server), taps=[tap])
    again = ["request 1", "retry", "request 2", "retry", "request 3"]
    assert tap.told == [*again, "response 200", "chunk", "end complete"]
    assert tap.times == sorted(tap.times)


def test_the_timing_runs_along() -> None:
    with serving(stalling) as server, stream(asking(server)) as events:
        assert next(events)
        first = events.reply.timing
        time.sleep(0.02)
        second = events.reply.timing
        assert first
        assert second
        assert first.deltas == second.deltas == 1
        assert first.total < second.total


def test_no_thread_and_no_task_is_left() -> None:
    async def main() -> None:
        await afold(asking(server))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with serving(hello) as server:
        fold(asking(server))
        asyncio.run(main())
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("streamfold")]


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["client", "retry"])
def test_options_of_requests_are_for_requests(option: str) -> None:
    with pytest.raises(CallerError, match=option):
        fold(["a"], **{option: RetryPolicy() if option == "retry" else httpx.Client})  # type: ignore[arg-type]


def test_trio_needs_a_client() -> None:
    async def main() -> Reply:
        return await afold(Request("http://127.0.0.1:1", json={}))

    assert "hand in an httpx.AsyncClient" in str(trio.run(main).error)


def test_a_client_of_the_other_kind_is_refused() -> None:
    request = Request("http://127.0.0.1:1", json={})
    with pytest.raises(CallerError, match="use astream or afold"):
        fold(request, client=httpx.AsyncClient())
    with pytest.raises(CallerError, match="AsyncClient"), httpx.Client() as client:
        astream(request, client=client)


# -- timeouts of other sources -----------------------------------------------------------------------------------------


async def pausing() -> AsyncIterator[str]:
    yield "one"
    await (trio.sleep if trio.lowlevel.in_trio_run() else asyncio.sleep)(5)


@pytest.mark.parametrize("loop", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_an_async_source_is_timed_too(loop: Any) -> None:
    async def main() -> None:
        started = time.monotonic()
        reply = await afold(pausing(), timeouts=Timeouts(gap=0.1))
        assert (reply.text, reply.verdict) == ("one", Verdict.TIMED_OUT)
        assert time.monotonic() - started < 3

    loop(main)


def test_a_plain_source_is_timed_between_its_chunks() -> None:
    def slow() -> Iterator[str]:
        yield "one"
        time.sleep(0.2)
        yield ""

    reply = fold(slow(), timeouts=Timeouts(gap=0.1))
    assert (reply.text, reply.verdict) == ("one", Verdict.TIMED_OUT)


def test_the_last_chunk_counts_though_it_was_late() -> None:
    def slow() -> Iterator[str]:
        yield "one"
        time.sleep(0.2)
        yield " two"

    assert fold(slow(), timeouts=Timeouts(gap=0.1)).text == "one two"
