"""Sending webhooks, and to whom: only to origins that whoever runs the relay has listed (Durable Streams 12.8).

The list is checked when a subscription is made and again before each request. The URL that is checked is the object
that is requested, not a text that two parsers may read differently. Redirects are not followed, proxies and cookies not
used, and little of the answer is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
import msgspec
from yarl import URL

from ..errors import CallerError
from .errors import SubscriptionError

MAX_ANSWER = 64 * 1024
"""Bytes of a receiver's answer that are read."""
MAX_TIME = 30.0
"""Seconds that a receiver has for its answer; less if the lease is shorter."""
CONNECTIONS = 64
"""Webhooks that are under way at once; others wait."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Answer(msgspec.Struct):
    done: bool = False


class Webhooks:
    """A client that sends to some origins alone. Close it.

    Args:
        origins: Such as ``https://worker.example`` or ``https://worker.example:8443``; without TLS only on the
            loopback, where ``http://127.0.0.1:*`` is every port.

    Raises:
        CallerError: One is no such origin.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = {_origin(text) for text in origins}
        self._session: aiohttp.ClientSession | None = None

    def check(self, url: str) -> URL:
        """Return the URL if webhooks may be sent there.

        Raises:
            SubscriptionError: They may not.
        """
        try:
            parsed = URL(url)
            origin = (parsed.scheme, parsed.host, parsed.port)
        except ValueError as error:
            raise SubscriptionError("WEBHOOK_URL_REJECTED", f"not a URL: {error}") from error
        if parsed.user is not None or parsed.password is not None:
            raise SubscriptionError("WEBHOOK_URL_REJECTED", "a webhook's URL has no user and no password")
        if not parsed.host or (origin not in self._origins and (*origin[:2], None) not in self._origins):
            raise SubscriptionError("WEBHOOK_URL_REJECTED", f"webhooks to {parsed.host!r} are not allowed here")
        return parsed

    async def send(self, url: str, body: bytes, signature: str, seconds: float) -> bool | None:
        """Send a webhook; return whether its receiver is done already, or ``None`` if it failed.

        Args:
            url: Where to.
            body: JSON.
            signature: The header of this name.
            seconds: How long the receiver may take.
        """
        if self._session is None:
            connector, jar = aiohttp.TCPConnector(limit=CONNECTIONS), aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False)
        headers = {"Content-Type": "application/json", "Webhook-Signature": signature}
        timeout = aiohttp.ClientTimeout(total=min(seconds, MAX_TIME))
        try:
            target = self.check(url)
            async with self._session.post(
                target, data=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                if not 200 <= response.status < 300:
                    return None
                return _is_done(await _short_body(response))
        except (aiohttp.ClientError, TimeoutError, OSError, SubscriptionError):
            return None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _short_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body, or nothing if it is long."""
    answer = b""
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > MAX_ANSWER:
            return b""
    return answer


def _is_done(answer: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=_Answer).done
    except msgspec.DecodeError:
        return False


def _origin(text: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port; no port for all of them."""
    refused = f"{text!r} is no origin for webhooks: https://HOST[:PORT], or http on the loopback"
    try:
        url = URL(text.removesuffix(":*"))
        bare = str(url.origin()) == str(url).rstrip("/")
    except ValueError as error:
        raise CallerError(refused) from error
    if not bare or url.scheme not in ("http", "https") or (url.scheme == "http" and url.host not in LOOPBACK):
        raise CallerError(refused)
    return url.scheme, url.host, None if text.endswith(":*") else url.port
