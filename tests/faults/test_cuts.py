"""Cut at every byte, by FIN and by RST, in every framing of HTTP: nothing is lost, nothing made up, nothing passes for
a finished answer.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio

from streamfold import Reply, Request, Verdict, fold

from ..serving.recordings import EVENTS, FINISHED, TEXT, WIRE, text_before
from ..serving.server import Script, serving
from ..serving.steps import answer, cut, each, pause, raw, reset, send
from . import drivers

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


@pytest.mark.parametrize("count", [2, 5, len(EVENTS) - 1])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.ALL)
def test_cut_while_the_reader_is_busy(drive: drivers.Drive, end: str, count: int) -> None:
    """All has come and the connection is gone while the reader is still at the first event: it gets it all the same."""
    script = answer(send(EVENTS[0]), pause(0.05), send(*EVENTS[1:count]), ENDS[end]())
    shown: list[str] = []
    with serving(script) as server:
        [reply] = drive([Request(server.url, json={})], retry=None, on_text=slow_at_first(shown, drive))
    check(sum(map(len, EVENTS[:count])), reply)
    assert "".join(shown) == reply.text


def slow_at_first(shown: list[str], drive: drivers.Drive) -> Callable[[str], Any]:
    sleep: Callable[[float], Any] = time.sleep
    if drive in drivers.ASYNC:
        sleep = trio.sleep if drive is drivers.trio_httpx else asyncio.sleep

    def on_text(text: str) -> Any:
        shown.append(text)
        return sleep(0.15) if len(shown) == 1 else None

    return on_text


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", drivers.OWN)
def test_cut_at_every_byte_of_the_head(drive: drivers.Drive, end: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    replies = folded(drive, [each(raw(head[:size]), ENDS[end]()) for size in range(len(head) + 1)])
    assert all(reply.verdict in BROKEN and reply.text == "" for reply in replies)
