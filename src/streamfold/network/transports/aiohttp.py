"""The async transport: aiohttp.

Connections are pooled for each event loop, in one session. Its end is the loop's: the session is held by an async
generator, and a loop closes its generators before it ends (`asyncio.run`, `asyncio.Runner` and every server that is
built on them do; who closes a loop by hand calls its ``shutdown_asyncgens`` first, as asyncio wants it). So three
streams in a row use one connection, and nothing is left open or warned of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from ...errors import CallerError
from ..request import Request
from . import AsyncExchange, Opening, network_error
from .proxies import proxy_for

_FAILURES = (ClientError, OSError, ValueError, asyncio.TimeoutError)

_sessions: dict[asyncio.AbstractEventLoop, tuple[ClientSession, AsyncGenerator[None, None]]] = {}


class AiohttpTransport:
    """Open requests over aiohttp.

    Args:
        session: What gives the session to use, within the event loop: coroutine function or function.
    """

    def __init__(self, session: Callable[[], Any]) -> None:
        self._session = session

    async def open(self, request: Request, opening: Opening) -> AsyncExchange:
        """Send `request`; return once the headers of its response are there."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise CallerError("aiohttp needs asyncio: hand in an httpx.AsyncClient as client") from None
        session = self._session()
        if asyncio.iscoroutine(session):
            session = await session
        url = request.target
        try:
            response = await session.request(
                request.method,
                URL(url, encoded=True),
                data=request.body,
                headers=request.sent_headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=ClientTimeout(total=None, connect=opening.connect),
                **({"proxy": proxy} if (proxy := proxy_for(url)) and _is_ours(session) else {}),
            )
        except _FAILURES as error:
            raise network_error(error, request) from None  # its traceback would tell the URL
        return _Exchange(response, request)


class _Exchange:
    """A response of aiohttp's."""

    def __init__(self, response: ClientResponse, request: Request) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request
        self._read = response.content.readany

    async def read(self) -> bytes:
        try:
            return await self._read()
        except _FAILURES as error:
            if rest := self._response.content._read_nowait(-1):
                return rest  # aiohttp raises as soon as the connection breaks, before it gives what had come by then
            raise network_error(error, self._request) from None

    async def close(self) -> None:
        self.interrupt()

    def interrupt(self) -> None:
        connection = self._response.connection  # none, once it is back in the pool
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # does not wait for a request body that nobody takes
        self._response.close()


async def session() -> ClientSession:
    """Return the running event loop's session."""
    loop = asyncio.get_running_loop()
    held = _sessions.get(loop)
    if held is None or held[0].closed:
        _forget_ended_loops()
        opened = ClientSession(
            connector=TCPConnector(limit=0),  # a stream lasts: a limit would let requests wait for each other
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None),
        )
        keeper = _keep(opened, loop)
        await anext(keeper)  # from here on the loop knows of it
        held = _sessions[loop] = (opened, keeper)
    return held[0]


async def _keep(opened: ClientSession, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _sessions.pop(loop, None)
        await opened.close()


def _forget_ended_loops() -> None:
    """Let go of the sessions of loops that ended without closing their generators."""
    for loop in list(_sessions):
        if loop.is_closed():
            _sessions.pop(loop, None)


def _is_ours(opened: ClientSession) -> bool:
    held = _sessions.get(asyncio.get_running_loop())
    return held is not None and held[0] is opened
