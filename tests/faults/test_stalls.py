"""Servers that keep their clients waiting: the right deadline passes in its time, and what came is kept."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streamfold import Request, RetryPolicy, Timeouts, Verdict

from ..serving.recordings import EVENTS, TEXT, WIRE, text_event
from ..serving.server import Script, refused_url, serving
from ..serving.steps import answer, cut, endless, half_close, hang, pause, send, stall
from . import drivers

INTERRUPTIBLE = [drive for drive in drivers.ALL if drive is not drivers.sync_httpx]
"""Who can be stopped while it reads a head: sync httpx cannot, as its transport's docstring says."""

LIMIT = 0.2  # seconds
SLACK = 2.0  # what a loaded machine may add

BEGUN = send(text_event("Hel"), text_event("lo"))
KEEPS_SILENT: dict[str, Script] = {
    "nothing": hang(),
    "keep-alives": stall(),
    "keep-alives, byte by byte": endless(b":"),
    "empty deltas": endless(text_event("")),
    "half an event": send(text_event("more")[:-9]),
}
NEVER_BEGINS: dict[str, Script] = {
    "no head": hang(),
    **{f"a head, then {name}": answer(script, hang()) for name, script in KEEPS_SILENT.items()},
}


AFTER_THE_END: dict[str, Script] = {
    "nothing": hang(),
    "keep-alives": stall(),
    "content": endless(text_event("more")),
    "a flood": endless(b"x" * 100_000, every=0),
    "a FIN alone": half_close(),
}


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    """Check that it lasts as long as the limit says, and not much longer."""
    started = time.monotonic()
    yield
    assert seconds <= time.monotonic() - started < seconds + SLACK


@pytest.mark.parametrize("script", NEVER_BEGINS.values(), ids=NEVER_BEGINS)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_no_first_content(drive: drivers.Drive, script: Script) -> None:
    with serving(script) as server:
        with lasting(LIMIT):
            [reply] = drive([Request(server.url, json={})], retry=None, timeouts=Timeouts(first=LIMIT))
        assert server.all_departed()
    assert (reply.verdict, reply.text) == (Verdict.TIMED_OUT, "")
    assert reply.passed
    assert reply.passed.startswith("no first content")


@pytest.mark.parametrize("drive", drivers.ALL)
def test_no_first_content_of_a_second_attempt(drive: drivers.Drive) -> None:
    """What was waited for before, the next content, may take longer."""
    policy = RetryPolicy(attempts=2, after_text="restart")
    with serving(answer(BEGUN, cut()), hang()) as server:
        started = time.monotonic()
        [reply] = drive([Request(server.url, json={})], retry=policy, timeouts=Timeouts(first=2 * LIMIT, gap=60))
        assert time.monotonic() - started < 30
    assert (reply.verdict, len(server.requests)) == (Verdict.TIMED_OUT, 2)


@pytest.mark.parametrize("close", [False, True], ids=["chunked", "close"])
def test_a_pool_of_the_callers_own(close: bool) -> None:
    """Its connections cannot be interrupted before there is a response: a limit of the socket's, which then falls."""
    test_no_first_content(drivers.pool_manager, hang())
    late = answer(send(WIRE[:100]), pause(3 * LIMIT), send(WIRE[100:]), close=close)
    with serving(late) as server:
        [reply] = drivers.pool_manager([Request(server.url, json={})], timeouts=Timeouts(first=LIMIT, gap=60))
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, TEXT)


@pytest.mark.parametrize("drive", INTERRUPTIBLE)
def test_a_slow_head(drive: drivers.Drive) -> None:
    test_no_first_content(drive, answer(send(WIRE), head_every=0.05))


@pytest.mark.parametrize("silence", KEEPS_SILENT.values(), ids=KEEPS_SILENT)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_gap(drive: drivers.Drive, silence: Script) -> None:
    with serving(answer(BEGUN, silence, hang())) as server:
        with lasting(LIMIT):
            [reply] = drive([Request(server.url, json={})], timeouts=Timeouts(gap=LIMIT))
        assert server.departure() is not None
    assert (reply.verdict, reply.text) == (Verdict.TIMED_OUT, "Hello")
    assert reply.passed
    assert reply.passed.startswith("no content")
    assert len(server.requests) == 1  # text was delivered: it is not asked again


@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_stream_that_never_ends(drive: drivers.Drive) -> None:
    with serving(answer(endless(text_event("on ")))) as server:
        with lasting(LIMIT):
            [reply] = drive([Request(server.url, json={})], timeouts=Timeouts(total=LIMIT))
        assert server.departure() is not None
    assert reply.verdict is Verdict.TIMED_OUT
    assert reply.text.replace("on ", "") == ""
    assert reply.text
    assert reply.passed
    assert reply.passed.startswith("no end")


@pytest.mark.parametrize("drive", drivers.ALL)
def test_content_in_time_is_never_late(drive: drivers.Drive) -> None:
    """Each gap is shorter than the limit, all together are longer."""
    steps = [step for event in EVENTS for step in (pause(LIMIT / 4), send(event))]
    with serving(answer(*steps)) as server:
        [reply] = drive([Request(server.url, json={})], retry=None, timeouts=Timeouts(first=5, gap=LIMIT * 5))
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, TEXT)


@pytest.mark.parametrize("after", AFTER_THE_END.values(), ids=AFTER_THE_END)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_nothing_is_waited_for_after_the_end_mark(drive: drivers.Drive, after: Script) -> None:
    with serving(answer(send(*EVENTS), after)) as server:
        started = time.monotonic()
        [reply] = drive([Request(server.url, json={})], timeouts=Timeouts(gap=30))
        assert time.monotonic() - started < 10  # the limit is 30
        assert server.departure() is not None
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, TEXT)


@pytest.mark.parametrize("drive", drivers.ALL)
def test_nobody_listens(drive: drivers.Drive) -> None:
    url = refused_url()
    [reply] = drive([Request(url, json={})], retry=None)
    assert (reply.verdict, reply.text) == (Verdict.ERRORED, "")
    assert url in str(reply.error)


@pytest.mark.parametrize("drive", drivers.ALL)
def test_nobody_accepts(drive: drivers.Drive) -> None:
    """Where the queue of connections is full, connecting hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):
            url = f"http://127.0.0.1:{address[1]}"
            with lasting(LIMIT):
                [reply] = drive([Request(url, json={})], retry=None, timeouts=Timeouts(connect=LIMIT))
    assert reply.verdict in (Verdict.TIMED_OUT, Verdict.ERRORED)
    assert reply.text == ""
