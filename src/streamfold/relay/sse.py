"""Server-sent events: how one is written (WHATWG HTML 9.2.5), and the response that sends them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from .readers import Reader
from .rules.stream import Page

_LINE_END = re.compile(rb"\r\n|\r|\n")

SEND_BODY = "streamfold.send_body"
"""Where a request's scope has what sends bodies past the middleware here, all of which looks at starts alone."""
HEARTBEAT = 15.0
"""Seconds without news after which an event stream shows that it is alive."""
KEEP_ALIVE = b":\n\n"
"""A comment, which readers ignore and which keeps proxies from hanging up."""


def event(data: bytes, *, name: str = "", id: int | None = None) -> bytes:
    """Return one event; data with line ends takes several lines, and its line ends become newlines."""
    head = f"event: {name}\n" if name else ""
    if id is not None:
        head += f"id: {id}\n"
    if 10 not in data and 13 not in data and not data.startswith(b" "):
        return b"%bdata:%b\n\n" % (head.encode(), data)
    lines = _LINE_END.split(data)
    body = b"".join(b"data: %b\n" % line if line.startswith(b" ") else b"data:%b\n" % line for line in lines)
    return b"%b%b\n" % (head.encode(), body)


class EventStream(StreamingResponse):
    """A response of server-sent events; the reader leaves as soon as whoever asked is gone.

    Args:
        events: What is sent, from what `reader` reads.
        headers: Of the response.
        reader: Who reads.
        say: What `events` would yield of pages, if it can be said at once; see `Reader.say_at_once`.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        reader: Reader,
        say: Callable[[list[Page]], bytes] | None,
    ) -> None:
        super().__init__(events, headers={"Content-Type": "text/event-stream", **headers})
        self._events = events
        self._reader = reader
        self._say = say
        self._send_body: Send | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, whatever happens close their source."""
        self._send_body = scope.get(SEND_BODY)
        try:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)
        finally:
            self._reader.close()

    async def stream_response(self, send: Send) -> None:
        """Send the start as usual, the events by the shortest way."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        send_body = self._send_body or send

        def send_said(said: bytes) -> Awaitable[None]:
            return send_body({"type": "http.response.body", "body": said, "more_body": True})

        if self._say is not None:
            self._reader.say_at_once(self._say, send_said)
        async for said in self._events:
            await send_said(said)
        await send_body({"type": "http.response.body", "body": b"", "more_body": False})
