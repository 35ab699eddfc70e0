"""The Durable Streams protocol: streams by URL, created, appended to, read, followed, forked and deleted.

The log speaks for itself here: a stream is a path under `ROOT`, an offset is a position. Logs of generations can be
read like any other stream, and written by their producers alone. The specification is PROTOCOL.md of
github.com/durable-streams/durable-streams.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import (
    BadRequestError,
    RelayError,
    RelayLimitError,
    SequenceGapError,
    StaleEpochError,
    StreamClosedError,
    StreamNotFoundError,
    WriteProtectedError,
)
from ..http import body_of, log_of, refusal
from ..log import Log
from ..readers import Reader
from ..rules.cursors import INTERVAL, next_cursor
from ..rules.messages import is_json, is_text, join, split, whole_characters
from ..rules.offsets import to_offset
from ..rules.stream import Page, Stream
from ..rules.subscription import reserved
from ..sse import HEARTBEAT, KEEP_ALIVE, EventStream, event
from . import stream_requests as said

ROOT = "/v1/stream/"
GENERATIONS = "generations/"
"""What the paths of generations' logs begin with."""
CONNECTION = 60.0
"""Seconds after which an event stream is ended, so that readers can be collapsed onto shared ones (5.8)."""
MOST_ENCODED = 8
"""In how many forms a page is kept: a reader that is ahead of the time has a cursor of its own."""


async def stream(request: Request) -> Response:
    """Answer a request for the stream of this path."""
    path, log = request.path_params["path"], log_of(request)
    try:
        if not path or len(path) > log.limits.max_path:
            raise RelayLimitError("max_path", log.limits.max_path, 414)
        if reserved(path):
            raise StreamNotFoundError(path)
        return await _METHODS[request.method](request, log, path)
    except RelayError as error:
        return refusal(error, _headers_of(error))


async def _create(request: Request, log: Log, path: str) -> Response:
    _guard(path)
    body = await body_of(request, log.limits.max_body)
    origin = said.origin(request.headers, ROOT)
    if origin is not None and reserved(origin.source):
        raise StreamNotFoundError(origin.source)
    inherited = (await log.head(origin.source)).content_type if origin and body else None
    created = await log.create(path, said.creation(request.headers, body, inherited), origin)
    headers = {"Location": str(request.url.replace(query=""))} if created.new else {}
    return Response(None, 201 if created.new else 200, _state(created.stream) | headers)


async def _append(request: Request, log: Log, path: str) -> Response:
    body = await body_of(request, log.limits.max_body)
    close, producer = said.is_closing(request.headers), said.producer(request.headers)
    if not body and not close:
        raise BadRequestError("an empty body, and no Stream-Closed")
    kind = said.content_type(request.headers) if body else None
    if body and kind is None:
        raise BadRequestError("a body without Content-Type")
    records = split(body, kind) if kind else []
    if body and not records:
        raise BadRequestError("an empty array appends nothing")
    done = await log.append(
        path, records, content_type=kind, producer=producer, seq=request.headers.get("stream-seq"), close=close
    )
    headers = _state(done.stream)
    del headers["Content-Type"]
    if producer is None:
        return Response(None, 204, headers)
    headers |= {"Producer-Epoch": str(producer.epoch), "Producer-Seq": str(done.seq)}
    return Response(None, 204 if done.duplicate or not body else 200, headers)


async def _delete(request: Request, log: Log, path: str) -> Response:
    _guard(path)
    await log.remove(path)
    return Response(None, 204)


async def _head(request: Request, log: Log, path: str) -> Response:
    stream = await log.head(path)
    headers = _state(stream) | {"Cache-Control": "no-store"}
    if stream.ttl is not None:
        headers["Stream-TTL"] = str(stream.ttl)
    if stream.expires_at is not None:
        moment = datetime.fromtimestamp(stream.expires_at, UTC)
        headers["Stream-Expires-At"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Response(None, 200, headers)


async def _read(request: Request, log: Log, path: str) -> Response:
    asked = said.reading(request.query_params)
    stream = await log.head(path)
    await log.touch(stream)
    if asked.after == 0 and stream.first:  # the beginning is where it begins by now
        asked = replace(asked, after=stream.first)
    if asked.live == "sse":
        return await _events(log, stream, asked)
    if asked.live:
        return await _long_poll(log, path, asked)
    return await _catch_up(request, log, stream, asked)


async def _catch_up(request: Request, log: Log, stream: Stream, asked: said.Reading) -> Response:
    if asked.after is None:
        page = Page(stream, stream.tail, ())
        return Response(join((), stream.content_type), 200, _progress(page) | {"Cache-Control": "no-store"})
    page = await log.read(stream.path, asked.after, log.limits.page)
    headers = _progress(page) | {"ETag": _etag(page), "Cache-Control": _caching(page)}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(join(page.records, page.stream.content_type), 200, headers)


async def _long_poll(log: Log, path: str, asked: said.Reading) -> Response:
    async with aclosing(log.follow(path, asked.after, patience=log.limits.long_poll)) as pages:
        page = await anext(pages)
        if not page.records and not page.at_end:
            page = await anext(pages, page)
    headers = _progress(page) | {"Cache-Control": "no-store"}
    if not page.at_end:
        headers["Stream-Cursor"] = _cursor(asked)
    if not page.records:
        del headers["Content-Type"]
        return Response(None, 204, headers)
    return Response(join(page.records, page.stream.content_type), 200, headers | {"ETag": _etag(page)})


async def _events(log: Log, stream: Stream, asked: said.Reading) -> Response:
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if not is_text(stream.content_type):
        headers["Stream-SSE-Data-Encoding"] = "base64"
    reader, first = await log.reader(stream.path, asked.after)  # what is refused, is refused before the response begins
    held: list[Page] | None = [] if is_text(stream.content_type) and not is_json(stream.content_type) else None
    connection = _Connection(asked, time.monotonic() + CONNECTION, held)
    return EventStream(_event_stream(reader, first, connection), headers, reader, connection.say_at_once)


@dataclass
class _Connection:
    """What one reader is told of pages, with a cursor that moves on with the time.

    Attributes:
        ends: When it shall end, of the monotonic clock.
        held: Pages of text that end within a character; ``None`` where there are no characters.
    """

    asked: said.Reading
    ends: float
    held: list[Page] | None
    cursor: str = ""
    good_until: float = 0.0

    def say(self, pages: list[Page]) -> bytes:
        now = time.monotonic()
        if now > self.good_until:
            self.cursor, self.good_until = _cursor(self.asked), min(now + INTERVAL, self.ends)
        if self.held is not None:
            pages, self.held = _between_characters([*self.held, *pages])
        return b"".join([_told(page, self.cursor) for page in pages])

    def say_at_once(self, pages: list[Page]) -> bytes:
        if self.held is not None or time.monotonic() > self.good_until:
            return b""
        return (len(pages) == 1 and pages[0].encoded.get(self.cursor)) or self.say(pages)


async def _event_stream(reader: Reader, pages: list[Page], connection: _Connection) -> AsyncGenerator[bytes, None]:
    with suppress(RelayError):  # the stream is gone: the reader comes back, and is told
        while True:
            if pages and (told := connection.say(pages)):
                yield told
            if reader.at_end or time.monotonic() > connection.ends:
                return
            pages = await reader.next(HEARTBEAT)
            if not (reader.at_end or pages[-1].records):
                yield KEEP_ALIVE
                pages = []


def _between_characters(pages: list[Page]) -> tuple[list[Page], list[Page]]:
    """Join pages of text, and tell whether they must be held: an event is text of its own, and ends no character."""
    if not pages:
        return [], []
    last = pages[-1]
    if len(pages) > 1:
        last = Page(last.stream, pages[0].after, [record for page in pages for record in page.records])
    if last.at_end or whole_characters(b"".join(last.records[-3:])):
        return [last], []
    return [], [last]


def _told(page: Page, cursor: str) -> bytes:
    """Return the events of a page; they are the same for all its readers, but for those who are ahead of the time."""
    told = page.encoded.get(cursor)
    if told is None:
        told = _data(page) + _control(page, cursor)
        if len(page.encoded) < MOST_ENCODED:
            page.encoded[cursor] = told
    return told


def _data(page: Page) -> bytes:
    if not page.records:
        return b""
    body = join(page.records, page.stream.content_type)
    return event(body if is_text(page.stream.content_type) else base64.b64encode(body), name="data")


def _control(page: Page, cursor: str) -> bytes:
    where = '"streamClosed":true' if page.at_end else f'"streamCursor":"{cursor}"'
    caught_up = ',"upToDate":true' if page.up_to_date else ""
    return event(f'{{"streamNextOffset":"{to_offset(page.next)}",{where}{caught_up}}}'.encode(), name="control")


def _cursor(asked: said.Reading) -> str:
    return next_cursor(time.time(), asked.cursor, random.randint)


def _state(stream: Stream) -> dict[str, str]:
    headers = {"Content-Type": stream.content_type, "Stream-Next-Offset": to_offset(stream.tail)}
    return headers | {"Stream-Closed": "true"} if stream.closed else headers


def _progress(page: Page) -> dict[str, str]:
    headers = {"Content-Type": page.stream.content_type, "Stream-Next-Offset": to_offset(page.next)}
    if page.up_to_date:
        headers["Stream-Up-To-Date"] = "true"
    if page.at_end:
        headers["Stream-Closed"] = "true"
    return headers


def _etag(page: Page) -> str:
    return f'"{page.stream.id}:{page.after}:{page.next}{":c" if page.at_end else ""}"'


def _caching(page: Page) -> str:
    """Records never change, but what follows the last one may come: a reader at the tail must ask each time."""
    if page.up_to_date and not page.at_end:
        return "private, no-cache"
    return "private, max-age=60, stale-while-revalidate=300"


def _guard(path: str) -> None:
    if path.startswith(GENERATIONS):
        raise WriteProtectedError(path)


def _headers_of(error: RelayError) -> dict[str, str]:
    """Return what the protocol says beside the status."""
    match error:
        case StreamClosedError():
            return {"Stream-Closed": "true", "Stream-Next-Offset": to_offset(error.tail)}
        case SequenceGapError():
            return {"Producer-Expected-Seq": str(error.expected), "Producer-Received-Seq": str(error.received)}
        case StaleEpochError():
            return {"Producer-Epoch": str(error.epoch)}
    return {}


_METHODS = {"PUT": _create, "POST": _append, "DELETE": _delete, "HEAD": _head, "GET": _read}

ROUTES = [Route(ROOT + "{path:path}", stream, methods=list(_METHODS))]
