"""Streams that come whole, in every odd way in which they can; and the connection that is used again."""

import asyncio
from typing import Any

import pytest

from streamfold import Request, Timeouts, Verdict, afold, fold

from ..serving.recordings import DONE, EVENTS, FINISH, TEXT, WIRE, text_event
from ..serving.server import Script, serving
from ..serving.steps import answer, cut, drip, each, hang, pause, send
from . import drivers

HUGE = "0123456789" * 300_000  # characters: far more than a read
BY_THE_BYTE = [WIRE[at : at + 1] for at in range(len(WIRE))]

WHOLE: dict[str, Script] = {
    "an event a chunk": answer(send(*EVENTS)),
    "in one piece": answer(send(WIRE)),
    "a byte a chunk": answer(send(*BY_THE_BYTE)),
    "a byte a write": answer(drip(WIRE)),
    "a byte a write, by length": answer(drip(WIRE), length=len(WIRE)),
    "a byte a write, until it closes": answer(drip(WIRE), close=True),
    "by length": answer(send(*EVENTS), length=len(WIRE)),
    "until it closes": answer(send(*EVENTS), close=True),
    "a slow head": answer(send(*EVENTS), head_every=0.002),
    "a slow beginning": answer(pause(0.1), send(*EVENTS)),
    "keep-alives between": answer(*(send(b": hi\n\n", one, b":\n\n") for one in EVENTS)),
}


@pytest.mark.parametrize("script", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_whole_stream(drive: drivers.Drive, script: Script) -> None:
    shown: list[str] = []
    with serving(script) as server:
        [reply] = drive([Request(server.url, json={})], retry=None, on_text=shown.append)
    assert (reply.verdict, reply.text, "".join(shown)) == (Verdict.COMPLETE, TEXT, TEXT)


@pytest.mark.parametrize("drive", drivers.ALL)
def test_a_huge_event(drive: drivers.Drive) -> None:
    with serving(answer(send(text_event(HUGE), FINISH, DONE))) as server:
        [reply] = drive([Request(server.url, json={})], retry=None)
    assert (reply.verdict, reply.text) == (Verdict.COMPLETE, HUGE)


@pytest.mark.parametrize("drive", drivers.OWN)
def test_an_event_without_end_is_left(drive: drivers.Drive) -> None:
    """What cannot be an event any more is not gathered in memory: the limit of a line ends it."""

    async def flood(connection: Any) -> None:
        await connection.body(b"data: ")
        while connection.is_open:
            await connection.body(b"x" * 1_000_000)

    with serving(answer(send(text_event("Hello")), flood)) as server:
        [reply] = drive([Request(server.url, json={})], retry=None)
        assert server.departure(timeout=20) is not None
    assert (reply.verdict, reply.text) == (Verdict.ERRORED, "Hello")
    assert "limit" in str(reply.error)


# -- the connection that is used again -------------------------------------------------------------------------------

AGAIN: dict[str, tuple[Script, int]] = {
    "chunked": (answer(send(*EVENTS)), 1),
    "by length": (answer(send(*EVENTS), length=len(WIRE)), 1),
    "its last chunk is late": (answer(send(*EVENTS), pause(0.01)), 1),
    "no end mark": (answer(send(*EVENTS[:-1])), 1),
    "a refusal": (answer(send(b"{}"), status=400), 1),
    "until it closes": (answer(send(*EVENTS), close=True), 3),
    "its last chunk never comes": (answer(send(*EVENTS), hang()), 3),
    "cut off": (answer(send(*EVENTS[:3]), cut()), 3),
}


@pytest.mark.parametrize(("script", "connections"), AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_three_streams_in_a_row(drive: drivers.Drive, script: Script, connections: int) -> None:
    with serving(script) as server:
        replies = drive([Request(server.url, json={})] * 3, retry=None, timeouts=Timeouts(gap=5))
    assert len({reply.verdict for reply in replies}) == 1
    assert len(server.connections) == connections


CLOSED_WHILE_IDLE = each(answer(send(*EVENTS)), cut())


def test_a_connection_that_was_closed_while_it_was_idle() -> None:
    with serving(CLOSED_WHILE_IDLE) as server:
        for _ in range(3):
            reply = fold(Request(server.url, json={}), retry=None)
            assert reply.text == TEXT, repr(reply.error)
            assert server.all_departed()


def test_a_connection_that_was_closed_while_it_was_idle_async() -> None:
    async def main() -> None:
        for _ in range(3):
            assert (await afold(Request(server.url, json={}), retry=None)).text == TEXT
            assert await asyncio.to_thread(server.all_departed)

    with serving(CLOSED_WHILE_IDLE) as server:
        asyncio.run(main())


def test_two_streams_at_once_use_two_connections() -> None:
    async def main() -> None:
        replies = await asyncio.gather(*(afold(Request(server.url, json={})) for _ in range(2)))
        assert [reply.text for reply in replies] == [TEXT] * 2

    with serving(answer(send(*EVENTS[:2]), pause(0.1), send(*EVENTS[2:]))) as server:
        asyncio.run(main())
        assert len(server.connections) == 2
