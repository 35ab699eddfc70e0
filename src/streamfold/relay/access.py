"""Who may do what: a bearer token for everything, or a signed URL for reading one generation, until it expires.

Without a token everybody who reaches the server may do everything: it listens on the loopback alone then, and answers
to its names alone, so that no page of somebody else's, in a browser on this machine, can reach it by a name of its own
(DNS rebinding); nor may such a page write, which it could do without reading the answer. A signature
is HMAC-SHA256 (RFC 2104) over the path and the time, keyed by the token: the standard library has all of it, and as the
time stands in the URL, whoever reads the URL can tell how long it is good.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import ForeignOriginError, UnauthorizedError

GOOD_FOR = 24 * 3600
"""Seconds for which a signed URL is good."""

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
"""The names of this machine to itself."""

_READING = ("GET", "HEAD", "OPTIONS")


class Access:
    """The rules of one relay.

    Args:
        token: The bearer token; ``None`` lets everybody do everything.
        origins: Whose pages may write, besides the relay's own; ``*`` for all.
    """

    def __init__(self, token: str | None, origins: Sequence[str] = ()) -> None:
        self._token = token
        self._origins = origins

    @property
    def hosts(self) -> list[str]:
        """The names by which the relay may be called."""
        return LOOPBACK if self._token is None else ["*"]

    def readable(self, path: str) -> str:
        """Return a URL from which this path alone can be read, without the token."""
        if self._token is None:
            return path
        expires = int(time.time()) + GOOD_FOR
        return f"{path}?expires={expires}&signature={self._signature(path, str(expires))}"

    def check(self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        """Let a request pass.

        Raises:
            UnauthorizedError: It has neither the token nor a signature that is good for it.
            ForeignOriginError: It comes from somebody else's page, and there is no token that tells who meant it.
        """
        if self._token is None:
            self._check_origin(method, headers)
            return
        if _same(headers.get("authorization", ""), f"Bearer {self._token}"):
            return
        if method not in ("GET", "HEAD") or "signature" not in query:
            raise UnauthorizedError("this needs the header `Authorization: Bearer TOKEN`")
        expires = query.get("expires", "")
        if not _same(query["signature"], self._signature(path, expires)):
            raise UnauthorizedError("the URL's signature is not of this path and time")
        if int(expires) < time.time():
            raise UnauthorizedError("the URL has expired")

    def _signature(self, path: str, expires: str) -> str:
        assert self._token is not None
        scope = path.removesuffix("/events")
        return hmac.digest(self._token.encode(), f"{scope}\n{expires}".encode(), "sha256").hex()

    def _check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        origin = headers.get("origin")
        if method in _READING or origin is None or "*" in self._origins or origin in self._origins:
            return
        if urlsplit(origin).netloc != headers.get("host"):
            raise ForeignOriginError(f"a page of {origin[:100]} may not write here; --cors allows it")


class Guard:
    """Lets those requests pass that may, as a route's own middleware.

    Args:
        app: What is guarded.
        access: The rules.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on.

        Raises:
            RelayError: It may not pass.
        """
        query = QueryParams(scope["query_string"])
        self._access.check(scope["method"], scope["path"], Headers(scope=scope), query)
        await self._app(scope, receive, send)


def _same(one: str, other: str) -> bool:
    """Compare in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
