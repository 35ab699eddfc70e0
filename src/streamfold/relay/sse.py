"""Server-sent events: how one is written (WHATWG HTML 9.2.5), and the response that sends them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Send

_LINE_END = re.compile(rb"\r\n|\r|\n")

KEEP_ALIVE = b":\n\n"
"""A comment, which readers ignore and which keeps proxies from hanging up."""


def event(data: bytes, *, name: str = "", id: int | None = None) -> bytes:
    """Return one event; data with line ends takes several lines, and its line ends become newlines."""
    head = f"event: {name}\n" if name else ""
    if id is not None:
        head += f"id: {id}\n"
    lines = _LINE_END.split(data) if b"\n" in data or b"\r" in data else [data]
    body = b"".join(b"data: %b\n" % line if line.startswith(b" ") else b"data:%b\n" % line for line in lines)
    return b"%b%b\n" % (head.encode(), body)


class EventStream(StreamingResponse):
    """A response of server-sent events; its source is closed as soon as the reader is gone."""

    def __init__(self, events: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(events, headers={"Content-Type": "text/event-stream", **headers})

    async def stream_response(self, send: Send) -> None:
        """Send the events, whatever happens close their source."""
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().stream_response(send)
