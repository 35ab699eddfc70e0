"""The relay's own API: ask an engine, follow its reply by server-sent events, look at it, stop it.

    POST /generations {"engine", "messages", "stop", ...}  -> 201 {"id", "url"}, before the first token
    GET  /generations/ID/events  server-sent events: ``id:`` is the record's number, ``data:`` the record
    GET  /generations/ID         -> {"id", "status", "engine", "model", "last", "reply"}: what there is so far
    POST /generations/ID/cancel  -> the same; as often as one likes
    GET  /engines                -> {"engines": [{"name", "model"}]}

Records are described in `records`. A reader that comes again says ``Last-Event-ID`` or ``?after=N``, such as the
``last`` of what it looked at, and gets what follows; when it has read the end it gets a 204, at which an
``EventSource`` gives up. What is no longer kept is a 410.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..engines import Question
from ..errors import BadRequestError, RelayError
from ..following import refolded
from ..generating import ROOT
from ..http import answer, asked_as, begin, generations_of, json_of, listed, log_of, readable
from ..log import Log
from ..readers import Reader
from ..rules.stream import Page, Stream
from ..sse import HEARTBEAT, KEEP_ALIVE, EventStream, event

RECONNECT = b"retry:1000\n\n"
"""How many milliseconds an ``EventSource`` waits before it comes again."""


class _Asked(msgspec.Struct):
    messages: list[dict[str, Any]]
    engine: str = ""
    stop: str | list[str] | None = None


async def create(request: Request) -> Response:
    """Begin a generation."""
    asked, params = asked_as(_Asked, await json_of(request))
    question = Question(asked.messages, listed(asked.stop), params)
    started = await begin(request, question, asked.engine, "gen_")
    url = readable(request, f"/generations/{started.start.id}/events")
    return answer({"id": started.start.id, "url": url}, 201 if started.new else 200)


async def snapshot(request: Request) -> Response:
    """Return what there is so far."""
    return await _state(request, log_of(request), ROOT + request.path_params["id"])


async def cancel(request: Request) -> Response:
    """Ask the producer to stop."""
    path = ROOT + request.path_params["id"]
    await log_of(request).cancel(path)
    return await _state(request, log_of(request), path)


async def _state(request: Request, log: Log, path: str) -> Response:
    stream = await log.head(path)
    await log.touch(stream)
    refold = await refolded(log, path)
    start = refold.start
    assert start is not None
    said = {"id": start.id, "status": status_of(stream), "engine": start.engine, "model": start.model}
    return answer({**said, "last": refold.n_records, "reply": refold.reply.to_dict()})


def status_of(stream: Stream) -> str:
    """Return how a generation stands: ``running``, or how it ended."""
    return (stream.generation.status if stream.generation else "") or "running"


async def follow(request: Request) -> Response:
    """Send the records, from where the reader is."""
    log, path = log_of(request), ROOT + request.path_params["id"]
    after = _position(request)
    stream = await log.head(path)
    await log.touch(stream)
    if after > stream.tail:
        raise BadRequestError(f"the position {after:,} is beyond the {stream.tail:,} records")
    if stream.closed and after == stream.tail:
        return Response(None, 204, {"Cache-Control": "no-store"})
    reader, first = await log.reader(path, after)  # what is refused, is refused before the response begins
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventStream(_events(reader, first), headers, reader, _encoded)


def _position(request: Request) -> int:
    """Return how many records the reader has: what it heard last counts more than what it was sent with."""
    said = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    if not (said.isascii() and said.isdigit() and len(said) < 16):
        raise BadRequestError(f"the position is {said[:32]!r}, expected the number of a record")
    return int(said)


async def _events(reader: Reader, first: list[Page]) -> AsyncGenerator[bytes, None]:
    yield RECONNECT + _encoded(first)
    with suppress(RelayError):  # the log is gone: the reader comes back, and is told
        while not reader.at_end:
            if pages := await reader.next(HEARTBEAT):
                yield _encoded(pages) or KEEP_ALIVE


def _encoded(pages: list[Page]) -> bytes:
    said = [page.encoded.get("generations") or _encode(page) for page in pages]
    return said[0] if len(said) == 1 else b"".join(said)


def _encode(page: Page) -> bytes:
    """Return the events of a page, which are the same for all its readers."""
    numbered = enumerate(page.records, page.after + 1)
    said = page.encoded["generations"] = b"".join([event(record, id=number) for number, record in numbered])
    return said


async def engines(request: Request) -> Response:
    """List what answers."""
    there = [{"name": engine.name, "model": engine.model or None} for engine in generations_of(request).engines]
    return answer({"engines": there})


ROUTES = [
    Route("/engines", engines),
    Route("/generations", create, methods=["POST"]),
    Route("/generations/{id}", snapshot),
    Route("/generations/{id}/events", follow),
    Route("/generations/{id}/cancel", cancel, methods=["POST"]),
]
