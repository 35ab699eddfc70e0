"""Responses that are no stream, and errors in one: asked again where that may help and nothing was delivered yet."""

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from streamfold import Request, RetryPolicy, Timeouts, Verdict, fold, stream
from streamfold.errors import ProviderError, SourceError, TruncatedError
from streamfold.events import Reset

from ..serving.recordings import EVENTS, TEXT, event, text_event
from ..serving.server import Script, refused_url, serving
from ..serving.steps import answer, cut, each, endless, hang, reset, send
from . import drivers

GOOD = answer(send(*EVENTS))
OVERLOADED = {"error": {"message": "overloaded", "type": "overloaded_error"}}
BODY = json.dumps(OVERLOADED).encode()
QUICKLY = {"headers": {"Retry-After": "0"}}


def refusal(status: int, body: bytes = BODY, content_type: str = "application/json", **more: Any) -> Script:
    return answer(send(body), status=status, content_type=content_type, **more)


# -- what is asked again ---------------------------------------------------------------------------------------------

PASSES: dict[str, Script] = {
    **{f"status {status}": refusal(status, **QUICKLY) for status in (408, 409, 429, 500, 502, 503, 504)},
    "a gateway's page": refusal(502, b"<html><title>Bad Gateway</title></html>", "text/html", **QUICKLY),
    "a connection that ends": cut(),
    "a connection that breaks": reset(),
    "half a head": each(answer(cut(), head_every=0), cut()),
    "a head alone": answer(cut()),
    "a keep-alive alone": answer(send(b": hi\n\n"), reset()),
    "an error in the stream": answer(send(event(OVERLOADED))),
}


@pytest.mark.parametrize("first", PASSES.values(), ids=PASSES)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_asked_again(drive: drivers.Drive, first: Script) -> None:
    shown: list[str] = []
    with serving(first, GOOD) as server:
        [reply] = drive([Request(server.url, json={"n": 1})], on_text=shown.append)
    assert (reply.verdict, reply.text, "".join(shown)) == (Verdict.COMPLETE, TEXT, TEXT)
    assert [request.json for request in server.requests] == [{"n": 1}] * 2
    assert reply.response is not None
    assert reply.response.attempts == 2


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "1"}, 1.0, 4.0),
        ({"retry-after-ms": "300", "Retry-After": "30"}, 0.3, 3.0),
        ({"Retry-After": "date"}, 0.5, 5.0),
    ],
    ids=["seconds", "milliseconds", "a date"],
)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_it_waits_as_long_as_it_is_asked_to(drive: drivers.Drive, headers: Any, least: float, most: float) -> None:
    if headers["Retry-After"] == "date":
        headers = {"Retry-After": formatdate(time.time() + 2, usegmt=True)}  # in whole seconds
    with serving(refusal(429, headers=headers), GOOD) as server:
        started = time.monotonic()
        [reply] = drive([Request(server.url, json={})])
        assert least <= time.monotonic() - started < most
    assert reply.text == TEXT


@pytest.mark.parametrize("drive", drivers.OWN)
def test_it_does_not_wait_longer_than_its_budget(drive: drivers.Drive) -> None:
    with serving(refusal(429, headers={"Retry-After": "3600"})) as server:
        [reply] = drive([Request(server.url, json={})])
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.status, reply.error.retry_after, len(server.requests)) == (429, 3600, 1)


@pytest.mark.parametrize("drive", drivers.OWN)
def test_it_gives_up_after_so_many_attempts(drive: drivers.Drive) -> None:
    with serving(refusal(503, **QUICKLY)) as server:
        [reply] = drive([Request(server.url, json={})], retry=RetryPolicy(attempts=3))
    assert (reply.verdict, len(server.requests)) == (Verdict.ERRORED, 3)


# -- what is not -----------------------------------------------------------------------------------------------------

STAYS: dict[str, tuple[Script, str]] = {
    "a key that is not known": (refusal(401, b'{"error":{"message":"no such key"}}'), "no such key"),
    "a bad request": (refusal(400, b"model not found", "text/plain"), "model not found"),
    "a page for people": (refusal(200, b"<html><title>Log in</title></html>", "text/html"), "Log in"),
    "JSON instead of a stream": (refusal(200, b'{"error":{"message":"no stream"}}'), "no stream"),
    "an error in a stream of errors": (answer(send(event({"error": {"message": "no", "code": 400}}))), "no"),
}


@pytest.mark.parametrize(("script", "said"), STAYS.values(), ids=STAYS)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_not_asked_again(drive: drivers.Drive, script: Script, said: str) -> None:
    with serving(script) as server:
        [reply] = drive([Request(server.url, json={})])
    assert (reply.verdict, reply.text, len(server.requests)) == (Verdict.ERRORED, "", 1)
    assert isinstance(reply.error, ProviderError)
    assert said in reply.error.message
    assert not reply.error.content_delivered


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/json"])
@pytest.mark.parametrize("drive", drivers.OWN)
def test_a_stream_is_a_stream_whatever_its_content_type(drive: drivers.Drive, content_type: str) -> None:
    with serving(answer(send(*EVENTS), content_type=content_type)) as server:
        [reply] = drive([Request(server.url, json={})], retry=None)
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, TEXT)


BEGUN = send(text_event("Hel"), text_event("lo"))
LATER: dict[str, tuple[Script, Verdict, type[Exception]]] = {
    "an error": (send(event(OVERLOADED)), Verdict.ERRORED, ProviderError),
    "a FIN": (cut(), Verdict.TRUNCATED, TruncatedError),
    "an RST": (reset(), Verdict.TRUNCATED, TruncatedError),
}


@pytest.mark.parametrize(("failure", "verdict", "raised"), LATER.values(), ids=LATER)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_after_text_nothing_is_asked_again_unasked(
    drive: drivers.Drive, failure: Script, verdict: Verdict, raised: type[Exception]
) -> None:
    with serving(answer(BEGUN, failure), GOOD) as server:
        [reply] = drive([Request(server.url, json={})])
    assert (reply.verdict, reply.text, len(server.requests)) == (verdict, "Hello", 1)
    with pytest.raises(raised):
        reply.raise_for_verdict()


# -- bodies of refusals that do not end ------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", [hang(), endless(b"no ", every=0.02), endless(b"x" * 9_999, every=0)])
@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_refusal_without_end_is_left(drive: drivers.Drive, rest: Script) -> None:
    with serving(answer(send(b"sorry "), rest, status=400, content_type="text/plain")) as server:
        started = time.monotonic()
        [reply] = drive([Request(server.url, json={})])
        assert time.monotonic() - started < 10
        assert server.departure() is not None
    assert isinstance(reply.error, ProviderError)
    assert reply.error.message.startswith("sorry")
    assert len(reply.error.body) <= 65_536


# -- restart, and other endpoints ------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [cut(), reset(), send(event(OVERLOADED))], ids=["fin", "rst", "error"])
@pytest.mark.parametrize("drive", drivers.ALL)
def test_restart(drive: drivers.Drive, failure: Script) -> None:
    with serving(answer(BEGUN, failure), GOOD) as server:
        [reply] = drive([Request(server.url, json={})], retry=RetryPolicy(after_text="restart"))
    assert (reply.verdict, reply.text, len(server.requests)) == (Verdict.COMPLETE, TEXT, 2)


def test_a_restart_is_told() -> None:
    policy = RetryPolicy(after_text="restart")
    with serving(answer(BEGUN, cut()), GOOD) as server, stream(Request(server.url, json={}), retry=policy) as events:
        seen = list(events)
    at = next(number for number, one in enumerate(seen) if isinstance(one, Reset))
    assert "".join(one.text for one in seen[:at]) == "Hello"  # type: ignore[union-attr]
    assert "".join(one.text for one in seen[at + 1 : -1]) == TEXT  # type: ignore[union-attr]


FIRST: dict[str, Script] = {"a refusal": refusal(401), "a cut": cut(), "silence": hang()}


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_the_next_endpoint_is_asked(drive: drivers.Drive, first: Script) -> None:
    with serving(first) as bad, serving(GOOD) as good:
        requests = [Request(refused_url(), json={}), Request(bad.url, json={}), Request(good.url, json={})]
        [reply] = drive([requests], retry=None, timeouts=Timeouts(first=0.5))
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, TEXT)
    assert (len(bad.requests), len(good.requests)) == (1, 1)


def test_the_last_failure_is_told() -> None:
    reply = fold([Request(refused_url(), json={}), Request(refused_url(), json={})], retry=None)
    assert isinstance(reply.error, SourceError)
