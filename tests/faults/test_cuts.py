"""Cut at every byte, by FIN and by RST, in every framing of HTTP: nothing is lost, nothing made up, nothing passes for
a finished answer.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streamfold import Reply, Request, Verdict, fold

from . import drivers
from .recordings import EVENTS, FINISHED, TEXT, WIRE, text_before
from .server import Script, serving
from .steps import answer, cut, each, raw, reset, send

ENDS = {"fin": cut, "rst": reset}
FRAMINGS: dict[str, dict[str, Any]] = {"chunked": {}, "content-length": {"length": len(WIRE)}, "close": {"close": True}}
BROKEN = {Verdict.TRUNCATED, Verdict.ERRORED}


def folded(drive: drivers.Drive, scripts: Sequence[Script], **options: Any) -> list[Reply]:
    """Fold one stream after the other; what was handed on is what the replies hold."""
    shown: list[str] = []
    with serving(*scripts) as server:
        sources = itertools.repeat(Request(server.url, json={}), len(scripts))
        replies = drive(sources, retry=None, on_text=shown.append, **options)
    assert len(server.requests) == len(scripts)
    assert "".join(shown) == "".join(reply.text for reply in replies)
    return replies


def check(size: int, reply: Reply) -> None:
    """Check what is made of the first `size` bytes of the recording, after which the connection broke."""
    assert reply.verdict is (Verdict.COMPLETE if size >= FINISHED else Verdict.TRUNCATED), (size, reply)
    assert reply.text.startswith(text_before(size))
    assert TEXT.startswith(reply.text)
    assert reply.text == fold([WIRE[:size]]).text


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_cut_at_every_byte(drive: drivers.Drive, end: str, framing: str) -> None:
    sizes = range(len(WIRE) + 1)
    scripts = [answer(send(WIRE[:size]), ENDS[end](), **FRAMINGS[framing]) for size in sizes]
    for size, reply in zip(sizes, folded(drive, scripts), strict=True):
        check(size, reply)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", set(drivers.ALL) - set(drivers.OWN))
def test_cut_with_a_client_of_the_callers_own(drive: drivers.Drive, end: str) -> None:
    sizes = range(0, len(WIRE) + 1, 7)
    scripts = [answer(send(WIRE[:size]), ENDS[end]()) for size in sizes]
    for size, reply in zip(sizes, folded(drive, scripts), strict=True):
        check(size, reply)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_cut_while_the_reader_is_slow(drive: drivers.Drive, end: str) -> None:
    """All has come, event by event, and the connection is gone, before the reader looks for the second event."""
    scripts = [answer(send(*EVENTS[:count]), ENDS[end]()) for count in range(2, len(EVENTS))]
    shown: list[str] = []
    with serving(*scripts) as server:
        for count in range(2, len(EVENTS)):
            shown.clear()
            [reply] = drive([Request(server.url, json={})], retry=None, on_text=slow(shown, drive))
            check(sum(map(len, EVENTS[:count])), reply)
            assert "".join(shown) == reply.text


def slow(shown: list[str], drive: drivers.Drive) -> Callable[[str], Any]:
    import asyncio
    import time

    import trio

    def wait(text: str) -> None:
        shown.append(text)
        time.sleep(0.02)

    async def await_asyncio(text: str) -> None:
        shown.append(text)
        await asyncio.sleep(0.02)

    async def await_trio(text: str) -> None:
        shown.append(text)
        await trio.sleep(0.02)

    if drive is drivers.trio_httpx:
        return await_trio
    return await_asyncio if drive in drivers.ASYNC else wait


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_cut_at_every_byte_of_the_head(drive: drivers.Drive, end: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    replies = folded(drive, [each(raw(head[:size]), ENDS[end]()) for size in range(len(head) + 1)])
    assert all(reply.verdict in BROKEN and reply.text == "" for reply in replies)
