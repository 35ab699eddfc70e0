"""Whose client it is: ours, the caller's own of each kind, or an object with the port's four methods."""

import asyncio
import gzip
import ssl
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import urllib3

from streamfold import Reply, Request, RetryPolicy, Verdict, afold, fold
from streamfold.errors import SourceError
from streamfold.network.transports import Opening

from ...certificates import client_context, server_context
from ...serving.recordings import DONE, FINISH, text_event
from ...serving.server import Connection, serving
from ...serving.steps import answer, send

hello = answer(send(text_event("Hel"), text_event("lo"), FINISH, DONE))


def sync(source: Any, **options: Any) -> Reply:
    return fold(source, **options)


def in_asyncio(source: Any, **options: Any) -> Reply:
    return asyncio.run(afold(source, **options))


OURS = pytest.mark.parametrize("run", [sync, in_asyncio])


def test_the_callers_pool_manager() -> None:
    with serving(hello) as server, urllib3.PoolManager(headers={"x": "y"}) as client:
        for _ in range(3):
            assert fold(Request(server.url, json={}), client=client).text == "Hello"
        assert len(server.connections) == 1


def test_the_callers_client_session() -> None:
    async def main() -> None:
        async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as client:
            for _ in range(3):
                assert (await afold(Request(server.url, json={}), client=client)).text == "Hello"

    with serving(hello) as server:
        asyncio.run(main())
    assert len(server.connections) == 1
    assert server.requests[0].headers["x-mine"] == "yes"


class Canned:
    """A transport of the caller's own, as short as it can be."""

    status = 200
    headers = {"content-type": "text/event-stream"}  # noqa: RUF012

    def __init__(self) -> None:
        self.reads = [b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n']
        self.n_closed = 0

    def open(self, request: Request, opening: Opening) -> "Canned":
        return self

    def read(self) -> bytes:
        return self.reads.pop(0) if self.reads else b""

    def close(self) -> None:
        self.n_closed += 1

    def interrupt(self) -> None: ...


class AsyncCanned(Canned):
    async def open(self, request: Request, opening: Opening) -> "Canned":  # type: ignore[override]
        return self

    async def read(self) -> bytes:  # type: ignore[override]
        return self.reads.pop(0) if self.reads else b""

    async def close(self) -> None:  # type: ignore[override]
        self.n_closed += 1


@pytest.mark.parametrize(("run", "kind"), [(sync, Canned), (in_asyncio, AsyncCanned)])
def test_a_transport_of_the_callers_own(run: Callable[..., Reply], kind: type[Canned]) -> None:
    client = kind()
    reply = run(Request("http://nowhere/", json={}), client=client)
    assert (reply.text, reply.verdict, client.n_closed) == ("a", Verdict.COMPLETE, 1)
    assert not reply.anomalies


class Clumsy(Canned):
    """It breaks at first, and cannot even close itself."""

    def read(self) -> bytes:
        if not self.n_closed:
            raise ConnectionResetError("broken")
        return super().read()

    def close(self) -> None:
        super().close()
        if self.n_closed == 1:
            raise RuntimeError("still busy")


class AsyncClumsy(AsyncCanned):
    async def read(self) -> bytes:
        if not self.n_closed:
            raise ConnectionResetError("broken")
        return await super().read()

    async def close(self) -> None:
        await super().close()
        if self.n_closed == 1:
            raise RuntimeError("still busy")


@pytest.mark.parametrize(("run", "kind"), [(sync, Clumsy), (in_asyncio, AsyncClumsy)])
def test_what_a_transport_raises_while_it_closes_costs_no_retry(
    run: Callable[..., Reply], kind: type[Canned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamfold.course.random", lambda: 0.0)
    reply = run(Request("http://nowhere/", json={}), client=kind())
    assert (reply.text, reply.verdict) == ("a", Verdict.COMPLETE)
    assert reply.anomalies == ["closing the source raised RuntimeError: still busy"]
    assert reply.failed_attempts == ["the source raised ConnectionResetError: broken"]


@OURS
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compression_delays_no_token(run: Callable[..., Reply], coding: str) -> None:
    """Each event is flushed, and shown before the next one is sent."""
    import threading

    shown = threading.Semaphore(0)

    async def pack(connection: Connection) -> None:
        packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        for word in ("one", " two"):
            event = text_event(word)
            await connection.body(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH))
            assert await asyncio.to_thread(shown.acquire, timeout=5)
        await connection.body(packer.compress(DONE) + packer.flush())

    with serving(answer(pack, headers={"Content-Encoding": coding})) as server:
        reply = run(Request(server.url, json={}), on_text=lambda text: shown.release())
    assert (reply.text, reply.verdict) == ("one two", Verdict.COMPLETE)


@OURS
def test_a_compressed_refusal_is_read(run: Callable[..., Reply]) -> None:
    body = gzip.compress(b'{"error":{"message":"no such model"}}')
    with serving(answer(send(body), status=404, headers={"Content-Encoding": "gzip"})) as server:
        assert "no such model" in str(run(Request(server.url, json={})).error)


@OURS
def test_a_proxy_of_the_environment(run: Callable[..., Reply], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(hello) as server:
        proxy = server.url.replace("http://", "http://me:pass@")
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert run(Request("http://far.invalid/v1", json={})).text == "Hello"
        assert server.requests[0].target == "http://far.invalid/v1"
        assert server.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
        assert run(Request(f"{server.url}/v1", json={})).text == "Hello"
        assert server.requests[1].target == "/v1"


@OURS
def test_a_certificate_that_does_not_hold_ends_it_at_once(run: Callable[..., Reply]) -> None:
    with serving(hello, context=server_context()) as server:
        reply = run(Request(server.url, json={}), retry=RetryPolicy(attempts=3))
    assert not reply.failed_attempts
    assert isinstance(reply.error, SourceError)
    assert isinstance(reply.error.__cause__, ssl.SSLError)
    assert "certificate" in str(reply.error).lower()
    assert server.requests == []


def test_a_secure_stream_with_the_callers_certificates() -> None:
    trusting = client_context()

    async def main() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:
            for _ in range(2):
                assert (await afold(Request(server.url, json={}), client=session)).text == "Hello"

    with serving(hello, context=server_context()) as server, urllib3.PoolManager(ssl_context=trusting) as pool:
        for _ in range(2):
            assert fold(Request(server.url, json={}), client=pool).text == "Hello"
        asyncio.run(main())
        assert len(server.connections) == 2


MISSING = """
import sys
sys.modules["{package}"] = None
import asyncio, streamfold
from streamfold.errors import MissingExtraError
try:
    {call}(streamfold.Request("http://127.0.0.1:1", json={{}}))
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(("package", "call"), [("urllib3", "streamfold.stream"), ("aiohttp", "streamfold.astream")])
def test_a_missing_library_is_told(package: str, call: str) -> None:
    program = MISSING.format(package=package, call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{package} is not installed: run `pip install 'streamfold[http]'`\n", done.stderr


LOOPS = """
import asyncio, gc, sys
from streamfold import Request, afold, astream, fold, stream
request = Request(sys.argv[1], json={})
for _ in range(2):
    assert asyncio.run(afold(request)).text == "Hello"
assert fold(request).text == "Hello"
events = stream(request)
next(events)  # left open until the interpreter ends
async def leave():
    await anext(astream(request))
asyncio.run(leave())
gc.collect()
print("done")
"""


def test_nothing_warns_at_the_end_of_a_loop_or_of_the_program() -> None:
    with serving(hello) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", LOOPS, server.url], capture_output=True, text=True, timeout=60
        )
    assert (done.stdout, done.stderr) == ("done\n", "")
