"""Replies that outlive their connections: taken up where they broke off, and ended when nobody reads them any more."""

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest

from streamfold import Recording, Request, RetryPolicy, Timeouts, Verdict, afold, fold, stream
from streamfold.network.transports import CANCEL_SECONDS

from ..serving.recordings import DONE, EVENTS, FINISHED, TEXT, WIRE, text_event
from ..serving.server import Script, Server, serving
from ..serving.steps import answer, cut, half_close, hang, reset, send, stall
from . import drivers
from .outliving import NOT_FOUND, asking, conversing
from .test_quitting import (
    ASYNC,
    LIMIT,
    PROMISE,
    SYNC,
    TRIES,
    aby_a_scope_of_trios,
    aby_cancelling_the_task,
    aby_garbage_collection,
    under_asyncio,
    under_trio,
)

ENDS = {"fin": cut, "rst": reset}
GO_ON = RetryPolicy(attempts=100, after_text="continue")
FIRST = len(EVENTS[0])


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamfold.course.random", lambda: 0.0)


def breaking_at(cuts: Sequence[int], end: Script) -> Callable[[int, int], Script]:
    """Send the stream up to each of these bytes, then to its end; in one response each."""

    def respond(number: int, start: int) -> Script:
        if number > len(cuts):
            return answer(send(WIRE[start:]))
        return answer(send(WIRE[start : cuts[number - 1]]), end)

    return respond


def told(server: Server) -> list[tuple[str, str]]:
    return [(request.method, request.target.partition("from=")[2]) for request in server.requests]


# -- taken up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_cut_at_every_byte(drive: drivers.Drive, end: str) -> None:
    """Each stream is cut once; the next attempt brings just what is missing."""
    for size in range(FIRST, FINISHED):
        shown: list[str] = []
        with conversing(breaking_at([size], ENDS[end]())) as (conversations, server):
            [reply] = drive([asking(server)], retry=GO_ON, on_text=shown.append)
        assert (reply.text, reply.verdict, "".join(shown)) == (TEXT, Verdict.COMPLETE, TEXT), size
        assert told(server) == [("POST", ""), ("GET", str(size))]
        assert not conversations.ended


@pytest.mark.parametrize("drive", drivers.ALL)
def test_cut_anywhere_as_often_as_one_likes(drive: drivers.Drive) -> None:
    rng = random.Random(0)
    for _ in range(10):
        cuts = [FIRST, *sorted(rng.choices(range(FIRST, FINISHED), k=rng.randrange(1, 8)))]
        with conversing(breaking_at(cuts, rng.choice([cut(), reset()]))) as (_, server):
            [reply] = drive([asking(server)], retry=GO_ON)
        assert (reply.text, reply.verdict) == (TEXT, Verdict.COMPLETE), cuts
        assert told(server)[1:] == [("GET", str(size)) for size in cuts]
        assert len(reply.failed_attempts) == len(cuts)


@pytest.mark.parametrize("drive", drivers.OWN)
def test_a_silence_is_taken_up_again(drive: drivers.Drive) -> None:
    with conversing(breaking_at([FIRST], hang())) as (_, server):
        [reply] = drive([asking(server)], retry=GO_ON, timeouts=Timeouts(gap=LIMIT))
    assert (reply.text, reply.verdict) == (TEXT, Verdict.COMPLETE)
    assert f"limit {LIMIT} s" in reply.failed_attempts[0]


def test_what_is_whole_is_not_asked_for() -> None:
    """The finish reason came: what may be missing is an end mark, and the usage."""
    with conversing(lambda number, start: answer(send(WIRE[: -len(DONE)]), cut())) as (conversations, server):
        reply = fold(asking(server), retry=GO_ON)
    assert (reply.text, reply.verdict) == (TEXT, Verdict.COMPLETE)
    assert told(server) == [("POST", "")]
    assert not conversations.ended


def test_a_server_that_has_no_replay_buffer() -> None:
    """It passes the header over, as all did: its reply is not repeated, and ends as it broke off."""
    with serving(answer(send(EVENTS[0]), cut()), NOT_FOUND, NOT_FOUND) as server:
        reply = fold(asking(server), retry=GO_ON)
    assert (reply.text, reply.verdict) == ("The", Verdict.ERRORED)
    assert "not found" in str(reply.error)
    assert len(reply.failed_attempts) == 1
    assert [request.method for request in server.requests] == ["POST", "GET", "DELETE"]
    assert not reply.anomalies


def test_a_recording_of_it_folds_into_the_same(tmp_path: Any) -> None:
    for size in range(FIRST, FINISHED, 7):
        path = tmp_path / "reply.stream"
        with conversing(breaking_at([size], cut())) as (conversations, server):
            live = fold(asking(server), retry=GO_ON, record=path)
        again = fold(Recording.open(path))
        assert (again.text, again.verdict, again.anomalies) == (TEXT, Verdict.COMPLETE, live.anomalies)
        assert conversations.names[0].encode() not in path.read_bytes()


def test_an_error_in_the_stream_is_no_place_to_go_on_from() -> None:
    failed = b'data: {"error":{"message":"slot lost","code":503}}\n\n'
    with conversing(lambda number, start: answer(send(EVENTS[0], failed))) as (_, server):
        reply = fold(asking(server), retry=GO_ON)
    assert (reply.text, reply.verdict) == ("The", Verdict.ERRORED)
    assert told(server) == [("POST", "")]


# -- ended -----------------------------------------------------------------------------------------------------------

BEGUN = send(text_event("one "))


def is_prompt(leave: Callable[[Request], float], script: Script) -> None:
    """Check that the server is told soon after the moment that `leave` returns."""
    delays = []
    for _ in range(TRIES):
        with conversing(lambda number, start: script) as (conversations, server):
            left = leave(asking(server))
            ended = conversations.wait_for_end()
        assert ended is not None, "the server was not told"
        assert server.requests[-1].headers["authorization"] == "Bearer sk-12345678"
        delays.append(ended - left)
        if delays[-1] < PROMISE:
            return
    raise AssertionError(f"the server was told after {min(delays):.3f} s at best")


@pytest.mark.parametrize("leave", SYNC)
def test_leaving(leave: Callable[..., float]) -> None:
    is_prompt(leave, answer(BEGUN, stall()))


@pytest.mark.parametrize("leave", SYNC)
def test_leaving_a_client_of_the_callers_own(leave: Callable[..., float]) -> None:
    with httpx.Client(verify=drivers.PLAIN) as client:
        is_prompt(lambda request: leave(request, client=client), answer(BEGUN, stall()))


@pytest.mark.parametrize("leave", ASYNC)
def test_leaving_async(leave: Callable[..., Awaitable[float]]) -> None:
    is_prompt(under_asyncio(leave), answer(BEGUN, stall()))


@pytest.mark.parametrize("leave", [leave for leave in ASYNC if leave is not aby_garbage_collection])
def test_leaving_under_trio(leave: Callable[..., Awaitable[float]]) -> None:
    is_prompt(under_trio(leave), answer(BEGUN, stall()))


WAITS: dict[str, Script] = {"no head": hang(), "keep-alives": answer(BEGUN, stall())}


@pytest.mark.parametrize("script", WAITS.values(), ids=WAITS)
def test_cancelling_a_task(script: Script) -> None:
    is_prompt(under_asyncio(aby_cancelling_the_task), script)


def test_cancelling_a_task_again_and_again() -> None:
    """As scopes of anyio do, until the task has ended."""

    async def leave(request: Request) -> float:
        task = asyncio.create_task(afold(request))
        await asyncio.sleep(0.1)
        left = time.monotonic()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)  # the loop goes on
        return left

    is_prompt(lambda request: asyncio.run(leave(request)), answer(BEGUN, stall()))


@pytest.mark.parametrize("script", WAITS.values(), ids=WAITS)
def test_a_cancel_scope_of_trios(script: Script) -> None:
    is_prompt(under_trio(aby_a_scope_of_trios), script)


QUIT: dict[str, tuple[dict[str, Any], Script, Verdict]] = {
    "a stop": ({"stop": "STOP"}, answer(BEGUN, send(text_event("STOP")), stall()), Verdict.STOPPED),
    "a gap": ({"timeouts": Timeouts(gap=LIMIT)}, answer(BEGUN, stall()), Verdict.TIMED_OUT),
    "the total": ({"timeouts": Timeouts(total=LIMIT)}, answer(BEGUN, stall()), Verdict.TIMED_OUT),
    "a cut": ({}, answer(BEGUN, cut()), Verdict.TRUNCATED),
    "a reset": ({}, answer(BEGUN, reset()), Verdict.TRUNCATED),
    "a half close": ({}, answer(BEGUN, half_close()), Verdict.TRUNCATED),
    "what is no such stream": (
        {},
        answer(BEGUN, send(b"data: {]\n\n", text_event("x")), stall()),
        Verdict.ERRORED,
    ),
}


@pytest.mark.parametrize("quit", QUIT.values(), ids=QUIT)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_reply_that_is_given_up(drive: drivers.Drive, quit: tuple[dict[str, Any], Script, Verdict]) -> None:
    options, script, verdict = quit
    with conversing(lambda number, start: script) as (conversations, server):
        [reply] = drive([asking(server)], **options)
        assert list(conversations.ended) == conversations.names  # when it returns, the server knows
    assert (reply.verdict, reply.text, len(conversations.names)) == (verdict, "one ", 1)


ENDED: dict[str, tuple[Script, Verdict]] = {
    "whole": (answer(send(WIRE)), Verdict.COMPLETE),
    "refused": (answer(status=401), Verdict.ERRORED),
    "an error in the stream": (answer(BEGUN, send(b'data: {"error":{"message":"no"}}\n\n')), Verdict.ERRORED),
}


@pytest.mark.parametrize("ended", ENDED.values(), ids=ENDED)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_what_has_ended_is_not_ended_again(drive: drivers.Drive, ended: tuple[Script, Verdict]) -> None:
    script, verdict = ended
    with conversing(lambda number, start: script) as (conversations, server):
        [reply] = drive([asking(server)], retry=None)
    assert (reply.verdict, conversations.ended) == (verdict, {})


@pytest.mark.parametrize("drive", drivers.OWN)
def test_each_attempt_has_its_own_name_and_the_failed_ones_are_ended(drive: drivers.Drive) -> None:
    def respond(number: int, start: int) -> Script:
        return answer(reset()) if number < 3 else answer(send(WIRE))

    with conversing(respond) as (conversations, server):
        [reply] = drive([asking(server)])
    assert reply.verdict is Verdict.COMPLETE
    assert len(set(conversations.names)) == 3
    assert list(conversations.ended) == conversations.names[:2]
    assert [request.method for request in server.requests] == ["POST", "DELETE"] * 2 + ["POST"]


def test_two_streams_of_one_request_do_not_meet() -> None:
    with conversing(lambda number, start: answer(send(*EVENTS))) as (conversations, server):
        request = asking(server)
        with stream(request) as one, stream(request) as other:
            texts = list(zip(one.text_stream, other.text_stream, strict=True))
    assert "".join(text for text, _ in texts) == TEXT
    assert len(set(conversations.names)) == 2


def test_a_name_of_the_callers_own() -> None:
    with conversing(lambda number, start: answer(BEGUN, hang())) as (conversations, server):
        request = asking(server)
        named = Request(request.url, request.json, {"x-conversation-id": "a/b c"}, continuation=request.continuation)
        with stream(named) as events:
            next(events)
        assert list(conversations.ended) == conversations.names == ["a/b c"]


DEAF: dict[str, tuple[Script, str]] = {
    "says nothing": (hang(), f"no answer after {CANCEL_SECONDS:g} s|timed out"),  # by us, or by the client
    "cannot": (answer(status=500), "status 500"),
    "hangs up": (reset(), "http://127.0.0.1"),
}


@pytest.mark.parametrize("deaf", DEAF.values(), ids=DEAF)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_server_that_does_not_take_it(drive: drivers.Drive, deaf: tuple[Script, str]) -> None:
    """It is waited for no longer than said, and the reply tells; what it is does not change."""
    script, why = deaf
    with conversing(lambda number, start: answer(BEGUN, stall()), on_delete=script) as (_, server):
        [reply] = drive([asking(server)], stop="one")
        assert (reply.verdict, len(reply.anomalies)) == (Verdict.STOPPED, 1)
        assert "may go on" in reply.anomalies[0]
        assert re.search(why, reply.anomalies[0])
        assert "sk-12345678" not in reply.anomalies[0]


def test_a_stream_that_is_collected_in_the_middle_of_another_request() -> None:
    """The garbage collector may come while this thread holds a pool's lock: it waits, but not for ever."""
    from streamfold.network.transports import urllib3

    with conversing(lambda number, start: answer(BEGUN, stall())) as (conversations, server):
        events = stream(asking(server))
        next(events)
        with urllib3._lock:
            del events
        assert conversations.wait_for_end() is not None


LEFT_OPEN = """
import sys
from streamfold import llama_cpp, stream
events = stream(llama_cpp(None, "Hi", base_url=sys.argv[1], continuation="conversation_id"))
assert next(events)
"""


def test_the_end_of_the_program() -> None:
    with conversing(lambda number, start: answer(BEGUN, stall())) as (conversations, server):
        subprocess.run([sys.executable, "-W", "error", "-c", LEFT_OPEN, server.url], check=True, timeout=60)
        assert list(conversations.ended) == conversations.names


# -- OpenAI's responses ----------------------------------------------------------------------------------------------


def response_event(number: int, kind: str, **more: Any) -> bytes:
    return b"data: " + json.dumps({"type": f"response.{kind}", "sequence_number": number, **more}).encode() + b"\n\n"


CREATED = response_event(0, "created", response={"id": "r_1", "status": "in_progress"})
ITEM = response_event(1, "output_item.added", output_index=0, item={"id": "m", "type": "message", "content": []})
WORDS = [
    response_event(number, "output_text.delta", output_index=0, content_index=0, delta=text)
    for number, text in enumerate(["ha", " ha", " ha", " end"], start=2)
]
COMPLETED = response_event(6, "completed", response={"id": "r_1", "status": "completed", "output": []})
RESPONSE = [CREATED, ITEM, *WORDS, COMPLETED]
RESPONSE_WIRE = b"".join(RESPONSE)


def background(server: Server) -> Request:
    return Request(f"{server.url}/v1/responses", json={"background": True}, continuation="starting_after")


def after(target: str) -> bytes:
    return b"".join(RESPONSE[int(target.rpartition("=")[2]) + 1 :])


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_a_response_cut_at_every_byte(drive: drivers.Drive, end: str) -> None:
    for size in range(len(b"".join(RESPONSE[:3])), len(RESPONSE_WIRE) - len(COMPLETED), 3):
        first = answer(send(RESPONSE_WIRE[:size]), ENDS[end]())
        shown: list[str] = []
        with serving(
            choose=lambda number, request, first=first: answer(send(after(request.target))) if number else first
        ) as server:
            [reply] = drive([background(server)], retry=GO_ON, on_text=shown.append)
        assert (reply.text, reply.verdict) == ("ha ha ha end", Verdict.COMPLETE), size
        assert "".join(shown) == reply.text
        assert [request.method for request in server.requests] == ["POST", "GET"]


@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_response_in_the_background_is_cancelled(drive: drivers.Drive) -> None:
    with serving(answer(send(*RESPONSE[:3]), stall()), answer(send(b"{}"), content_type="application/json")) as server:
        [reply] = drive([background(server)], stop="ha")
    assert reply.verdict is Verdict.STOPPED
    assert not reply.anomalies
    assert [(one.method, one.target) for one in server.requests][1:] == [("POST", "/v1/responses/r_1/cancel")]
