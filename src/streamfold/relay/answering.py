"""Answer a request with a generation, in the words of a protocol: streamed as it comes, or whole at its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.responses import Response

from ..encoders import Encoder
from ..encoders.frames import error_of, to_json
from ..events import Event, StreamEnd
from ..folding import Shown
from ..reply import Reply, Verdict
from .errors import RelayError
from .following import honest
from .generating import ROOT
from .log import Log
from .readers import Reader
from .records import Refold, Start
from .sse import HEARTBEAT, KEEP_ALIVE, EventStream
from .telling import Telling

UNCACHED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_PASSED_ON = {400, 404, 408, 409, 413, 422, 429}
"""What an upstream says that is about the request; anything else is between the relay and it."""


async def streamed(
    log: Log,
    start: Start,
    encoder: Callable[[], Encoder],
    *,
    skip: int = 0,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the reply as it comes, from its first event on; a failure before any is an error of HTTP.

    Args:
        log: Where it is.
        start: Which generation.
        encoder: The protocol; see `Telling`.
        skip: How many events of the protocol the reader has already.
        headers: What else to send.
    """
    reader, pages = await log.reader(ROOT + start.id, 0)
    try:
        telling = Telling(log, reader, encoder)
        shown = telling.begin(pages)
        if not shown and not reader.at_end:  # the first record says nothing; then comes news, or silence
            shown = telling.begin(await reader.next(HEARTBEAT))
        if len(shown) == 1 and (failed := failure(shown[0])):
            reader.close()
            return failed
    except BaseException:
        reader.close()
        raise
    protocol = encoder()
    said = {"Content-Type": protocol.CONTENT_TYPE, **UNCACHED, **protocol.HEADERS, **named(start), **(headers or {})}
    return EventStream(_told(telling, reader, shown, skip), said, reader, None if skip else telling.tell_at_once)


async def _told(telling: Telling, reader: Reader, first: Shown, skip: int) -> AsyncGenerator[bytes, None]:
    """Yield what the protocol says, without the first `skip` server-sent events of it."""
    with suppress(RelayError):  # the log is gone: the reader comes back, and is told
        said = telling.say(first)
        while True:
            if skip and said:
                blocks = said.split(b"\n\n")[:-1]  # JSON has no line ends of its own
                said = b"".join([block + b"\n\n" for block in blocks[skip:]])
                skip = max(0, skip - len(blocks))
            yield said or KEEP_ALIVE
            if reader.at_end or not (pages := await reader.next(HEARTBEAT)):
                return
            said = await telling.tell(pages)


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
