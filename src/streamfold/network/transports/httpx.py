"""The transport over the caller's own httpx client (or httpx2's), sync and async, which is not imported for that.

Its proxies, certificates, authentication, cookies and hooks apply; of its timeouts those of the stream take the place.
It costs more a token than the transports of ours. Sync, httpx cannot be interrupted before the response's headers are
there: they may take as long as the first content, each byte of them anew, and `Stream.close` has to wait for them.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..request import Request
from . import AsyncExchange, Exchange, Opening, network_error


class HttpxTransport:
    """Open requests over the caller's ``httpx.Client``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, request: Request, opening: Opening) -> Exchange:
        """Send `request`; return once the headers of its response are there."""
        timeout = {"connect": opening.connect, "read": opening.response, "write": None, "pool": None}
        built = _built(self._client, request, timeout)
        try:
            response = self._client.send(built, stream=True, follow_redirects=False)
        except Exception as error:
            raise _mapped(error, request) from None
        timeout["read"] = None  # from here on it can be interrupted
        return _Exchange(response, request)


class AsyncHttpxTransport:
    """Open requests over the caller's ``httpx.AsyncClient``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def open(self, request: Request, opening: Opening) -> AsyncExchange:
        """Send `request`; return once the headers of its response are there."""
        timeout = {"connect": opening.connect, "read": None, "write": None, "pool": None}
        built = _built(self._client, request, timeout)
        try:
            response = await self._client.send(built, stream=True, follow_redirects=False)
        except Exception as error:
            raise _mapped(error, request) from None
        return _AsyncExchange(response, request)


class _Exchange:
    """A response of httpx's."""

    def __init__(self, response: Any, request: Request) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request
        self._chunks: Iterator[bytes] = response.iter_bytes()

    def read(self) -> bytes:
        try:
            return next(self._chunks, b"")
        except Exception as error:
            raise _mapped(error, self._request) from None

    def close(self) -> None:
        self._response.close()

    def interrupt(self) -> None:
        with suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def _socket(self) -> Any:
        stream = self._response.extensions.get("network_stream")
        return stream and stream.get_extra_info("socket")


class _AsyncExchange:
    """A response of httpx's."""

    def __init__(self, response: Any, request: Request) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request
        self._chunks: AsyncIterator[bytes] = response.aiter_bytes()

    async def read(self) -> bytes:
        try:
            return await anext(self._chunks, b"")
        except Exception as error:
            raise _mapped(error, self._request) from None

    async def close(self) -> None:
        await self._response.aclose()
        with suppress(Exception):  # generators in generators, which only their own end closes in order
            while await anext(self._chunks, b""):
                pass  # of the closed connection there is left what was read already

    def interrupt(self) -> None:
        stream = self._response.extensions.get("network_stream")
        used = stream and stream.get_extra_info("socket")
        with suppress(OSError, AttributeError):
            used.shutdown(socket.SHUT_RDWR)


def _built(client: Any, request: Request, timeout: dict[str, float | None]) -> Any:
    return client.build_request(
        request.method,
        request.target,
        content=request.body,
        headers=request.sent_headers,
        extensions={"timeout": timeout},
    )


def _mapped(error: Exception, request: Request) -> Exception:
    """Return an `OSError` for what httpx says of the network; anything else is what it is."""
    if any(cls.__name__ == "TransportError" for cls in type(error).__mro__) or isinstance(error, OSError):
        return network_error(error, request)
    return error
