"""Who is measured: each opens one stream a call, and hands on what comes until it is stopped.

A contender is a function of the server's URL and the number of streams. It makes the client that all streams share, and
returns what runs one of them: async functions run in one event loop, the others in a thread each. streamfold and openai
hand the text on; all others are bare: they read, and do nothing else. Each runs in a process of its own and imports
only what it needs. Connection limits and timeouts are off.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

MESSAGES: Any = [{"role": "user", "content": "hi"}]
BODY: Any = {"model": "m", "messages": MESSAGES, "stream": True}


class Sink(Protocol):
    """Where one stream goes."""

    def text(self, text: str) -> None: ...
    def data(self, data: Any) -> None: ...


One = Callable[[Sink], Awaitable[None] | None]


def streamfold_async(url: str, streams: int) -> One:
    from streamfold import Request, afold

    request = Request(url, json=BODY)

    async def one(sink: Sink) -> None:
        await afold(request, on_text=sink.text)

    return one


def aiohttp_bare(url: str, streams: int) -> One:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(None))

    async def one(sink: Sink) -> None:
        async with session.post(url, json=BODY) as response:
            while data := await response.content.readany():
                sink.data(data)

    return one


def httpx_bare(url: str, streams: int) -> One:
    import httpx

    client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None))

    async def one(sink: Sink) -> None:
        async with client.stream("POST", url, json=BODY) as response:
            async for data in response.aiter_raw():
                sink.data(data)

    return one


def openai_httpx(url: str, streams: int) -> One:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=streams)
    return _openai(url, openai.DefaultAsyncHttpxClient(timeout=None, limits=limits))


def openai_aiohttp(url: str, streams: int) -> One:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=streams)
    return _openai(url, openai.DefaultAioHttpClient(timeout=None, limits=limits))


def _openai(url: str, http_client: Any) -> One:
    import openai

    client = openai.AsyncOpenAI(api_key="none", base_url=url, http_client=http_client)

    async def one(sink: Sink) -> None:
        async for chunk in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            if text := chunk.choices[0].delta.content:
                sink.text(text)

    return one


def niquests_bare(url: str, streams: int) -> One:
    import niquests

    session = niquests.AsyncSession(pool_connections=1, pool_maxsize=streams)

    async def one(sink: Sink) -> None:
        response = await session.post(url, json=BODY, stream=True)
        async for data in await response.iter_content(-1):
            sink.data(data)

    return one


def pyreqwest_bare(url: str, streams: int) -> One:
    from pyreqwest.client import ClientBuilder

    client = ClientBuilder().build()

    async def one(sink: Sink) -> None:
        request = client.post(url).body_json(BODY).streamed_read_buffer_limit(0)  # else it reads ahead
        async with request.build_streamed() as response:
            while data := await response.body_reader.read_chunk():
                sink.data(data)

    return one


def curl_cffi_bare(url: str, streams: int) -> One:
    from curl_cffi.requests import AsyncSession

    session = AsyncSession(max_clients=streams, timeout=0)

    async def one(sink: Sink) -> None:
        async with session.stream("POST", url, json=BODY) as response:
            async for data in response.aiter_content():
                sink.data(data)

    return one


def streamfold_sync(url: str, streams: int) -> One:
    from streamfold import Request, fold

    request = Request(url, json=BODY)

    def one(sink: Sink) -> None:
        fold(request, on_text=sink.text)

    return one


def urllib3_bare(url: str, streams: int) -> One:
    import urllib3

    pool = urllib3.PoolManager(maxsize=streams)

    def one(sink: Sink) -> None:
        response = pool.request("POST", url, json=BODY, preload_content=False, timeout=None)
        while data := response.read1():
            sink.data(data)

    return one


def openai_sync(url: str, streams: int) -> One:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=streams)
    http_client = openai.DefaultHttpxClient(timeout=None, limits=limits)
    client = openai.OpenAI(api_key="none", base_url=url, http_client=http_client)

    def one(sink: Sink) -> None:
        for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            if text := chunk.choices[0].delta.content:
                sink.text(text)

    return one


CONTENDERS: dict[str, Callable[[str, int], One]] = {
    "streamfold": streamfold_async,
    "aiohttp, bare": aiohttp_bare,
    "openai on aiohttp": openai_aiohttp,
    "openai on httpx": openai_httpx,
    "httpx, bare": httpx_bare,
    "niquests, bare": niquests_bare,
    "pyreqwest, bare": pyreqwest_bare,
    "curl_cffi, bare": curl_cffi_bare,
    "streamfold, threads": streamfold_sync,
    "urllib3, bare, threads": urllib3_bare,
    "openai, threads": openai_sync,
}
