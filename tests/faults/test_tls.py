"""Over TLS: the same verdicts as in plain, though a connection now ends in two layers; and leaving is as prompt."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
import pytest
import urllib3

from streamfold import Reply, Request, Timeouts, Verdict

from ..certificates import certificate, client_context, server_context
from ..serving.recordings import EVENTS, TEXT, WIRE, text_event
from ..serving.server import Script, serving
from ..serving.steps import answer, cut, drip, fall_silent, hang, reset, send, stall
from . import drivers
from .test_cuts import FRAMINGS, check
from .test_quitting import ASYNC, SYNC, is_prompt, under_asyncio

ENDS = {"close_notify": cut, "fin": fall_silent, "rst": reset}


def own_urllib3(sources: Iterable[Any], **options: Any) -> list[Reply]:
    """The pool that streamfold keeps; `trusting` tells it whom to trust."""
    return drivers.urllib3(sources, **options)


def callers_urllib3(sources: Iterable[Any], **options: Any) -> list[Reply]:
    with urllib3.PoolManager(ssl_context=client_context()) as client:
        return drivers.urllib3(sources, client=client, **options)


def sync_httpx(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return drivers.sync_httpx(sources, verify=client_context(), **options)


async def over_aiohttp(sources: Iterable[Any], **options: Any) -> list[Reply]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client_context())) as client:
        replies = await drivers.each(sources, client=client, **options)
    await goodbyes()
    return replies


async def goodbyes() -> None:
    """Wait until the connections are gone: of a request that was cancelled aiohttp takes leave in TLS's long way."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    while len(selector.get_map()) > 1:  # the loop's own
        await asyncio.sleep(0.01)


def callers_aiohttp(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return asyncio.run(over_aiohttp(sources, **options))


def async_httpx(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return drivers.async_httpx(sources, verify=client_context(), **options)


def trio_httpx(sources: Iterable[Any], **options: Any) -> list[Reply]:
    return drivers.trio_httpx(sources, verify=client_context(), **options)


OURS = [own_urllib3, callers_aiohttp]
ALL = [*OURS, callers_urllib3, sync_httpx, async_httpx, trio_httpx]


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "certificate.pem"
    path.write_bytes(certificate())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))  # read by OpenSSL where a client has no context of its own


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("drive", ALL)
def test_cut(drive: drivers.Drive, end: str, framing: str) -> None:
    """Where the connection's end is the body's, a FIN without a close_notify may be a forger's: no whole answer."""
    sizes = range(0, len(WIRE) + 1, 11 if drive in OURS else 47)
    scripts = [answer(send(WIRE[:size]), ENDS[end](), **FRAMINGS[framing]) for size in sizes]
    shown: list[str] = []
    with serving(*scripts, context=server_context()) as server:
        replies = drive(itertools.repeat(Request(server.url, json={}), len(scripts)), retry=None, on_text=shown.append)
    assert len(server.requests) == len(scripts)
    assert "".join(shown) == "".join(reply.text for reply in replies)
    for size, reply in zip(sizes, replies, strict=True):
        check(size, reply)


@pytest.mark.parametrize("body", [drip(WIRE), send(*EVENTS)], ids=["byte by byte", "event by event"])
@pytest.mark.parametrize("drive", ALL)
def test_whole_streams_use_one_connection(drive: drivers.Drive, body: Script) -> None:
    with serving(answer(body), context=server_context()) as server:
        replies = drive(itertools.repeat(Request(server.url, json={}), 3))
    assert [(reply.text, reply.verdict) for reply in replies] == [(TEXT, Verdict.COMPLETE)] * 3
    assert len(server.connections) == 1


BEGUN = send(text_event("one "))
GAP = Timeouts(first=30, gap=0.3)
SILENT: dict[str, tuple[Script, Timeouts, str]] = {
    "keep-alives": (answer(BEGUN, stall()), GAP, "one "),
    "silence": (answer(BEGUN, hang()), GAP, "one "),
    "no head": (hang(), Timeouts(first=0.3), ""),
}


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("drive", ALL)
def test_a_deadline(drive: drivers.Drive, silent: tuple[Script, Timeouts, str]) -> None:
    script, timeouts, text = silent
    with serving(script, context=server_context()) as server:
        [reply] = drive([Request(server.url, json={})], timeouts=timeouts, retry=None)
        assert server.all_departed()
    assert (reply.verdict, reply.text) == (Verdict.TIMED_OUT, text)


def no_handshake(drive: drivers.Drive) -> Reply:
    """Ask a server that takes the connection and says nothing of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        [reply] = drive([Request(url, json={})], timeouts=Timeouts(connect=0.3, first=5), retry=None)
    return reply


@pytest.mark.parametrize("drive", ALL)
def test_a_handshake_that_never_comes(drive: drivers.Drive) -> None:
    reply = no_handshake(drive)
    assert reply.verdict in (Verdict.ERRORED, Verdict.TIMED_OUT)
    assert reply.text == ""


@pytest.mark.parametrize("leave", SYNC)
def test_leaving(leave: Callable[..., float]) -> None:
    is_prompt(leave, answer(BEGUN, stall()), server_context())


@pytest.mark.parametrize("leave", ASYNC)
def test_leaving_async(leave: Callable[..., Awaitable[float]]) -> None:
    async def over_tls(request: Request, **options: Any) -> float:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client_context())) as client:
            left = await leave(request, client=client, **options)
            await asyncio.sleep(0.1)  # it is not the session's end that closes the connection
            return left

    is_prompt(under_asyncio(over_tls), answer(BEGUN, stall()), server_context())
