"""Answer a request with a generation, in the words of a protocol: streamed as it comes, or whole at its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from starlette.responses import Response

from ..encoders import Encoder
from ..encoders.frames import error_of, to_json
from ..events import Event, StreamEnd
from ..reply import Reply, Verdict
from .following import encoded, events, honest
from .generating import ROOT
from .log import Log
from .records import Refold, Start
from .sse import EventStream

UNCACHED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_PASSED_ON = {400, 404, 408, 409, 413, 422, 429}
"""What an upstream says that is about the request; anything else is between the relay and it."""

Shown = list[str | Event]


async def streamed(
    log: Log, start: Start, encoder: Encoder, *, skip: int = 0, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the reply as it comes, from its first event on; a failure before any is an error of HTTP.

    Args:
        log: Where it is.
        start: Which generation.
        encoder: The protocol.
        skip: How many events of the protocol the reader has already.
        headers: What else to send.
    """
    shown = events(log, ROOT + start.id, Refold())
    first = await _first(shown)
    if len(first) == 1 and (failed := failure(first[0])):
        await shown.aclose()
        return failed
    said = {"Content-Type": encoder.CONTENT_TYPE, **UNCACHED, **encoder.HEADERS, **named(start), **(headers or {})}
    return EventStream(encoded(_chained(first, shown), encoder, skip), said)


async def _first(shown: AsyncGenerator[Shown, None]) -> Shown:
    """Wait for the first events, but not for ever: what follows silence is shown as it comes."""
    for _ in range(2):  # the first record says nothing, then comes news or silence
        some: Shown = await anext(shown, [])
        if some:
            return some
    return []


async def _chained(first: Shown, shown: AsyncGenerator[Shown, None]) -> AsyncGenerator[Shown, None]:
    try:
        yield first
        async for some in shown:
            yield some
    finally:
        await shown.aclose()


def whole(refold: Refold, said: Callable[[Reply, Start], Any]) -> Response:
    """Return the reply in one piece, as `said` puts it; if it did not end well, that."""
    assert refold.start is not None
    failed = failure(StreamEnd(refold.reply))
    if failed is not None:
        return failed
    return Response(to_json(said(refold.reply, refold.start)), 200, named(refold.start), "application/json")


def failure(event: Event | str) -> Response | None:
    """Return the response for a reply that did not end well, ``None`` if this is none.

    Clients of OpenAI's ask again by themselves after most errors; here the answer would be the same, or paid for twice.
    """
    event = honest(event)
    if not isinstance(event, StreamEnd) or event.reply.verdict not in (Verdict.ERRORED, Verdict.CANCELLED):
        return None
    reply = event.reply
    message, kind, code, status = error_of(reply)
    if reply.verdict is Verdict.CANCELLED:
        message, kind, status = "the generation was cancelled", "cancelled", 409
    body = to_json({"error": {"message": message, "type": kind, "param": None, "code": code}})
    status = status if status in _PASSED_ON else 502
    return Response(body, status, {"X-Should-Retry": "false"}, "application/json")


def named(start: Start) -> dict[str, str]:
    """Return the header that tells which generation this is, for clients that want to come back to it."""
    return {"X-Generation-Id": start.id}
