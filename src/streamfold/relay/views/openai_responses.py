"""OpenAI's responses: streamed or not, looked at later, gone on with after a cut, cancelled.

The log has events, not the protocol's own: these are written anew for each reader, and as they depend on nothing but
the log, they carry the same sequence numbers each time. So ``starting_after`` is a number of the protocol's events.
With ``background`` the answer comes at once, and the response is looked at later.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...encoders.openai_responses import OpenAIResponsesEncoder
from ...events import StreamEnd
from ..answering import failure, streamed
from ..errors import BadRequestError
from ..following import honest, refolded
from ..generating import ROOT
from ..http import answer, begin, json_of, log_of
from ..log import Log
from ..records import Refold, Start, start_of
from .responses_requests import question_of

CANCELLING = 5.0
"""Seconds that a cancelled response has to end, before it is shown as it is."""


async def create(request: Request) -> Response:
    """Begin a response."""
    asked, question = question_of(await json_of(request))
    start = (await begin(request, question, asked.model, "resp_")).start
    log = log_of(request)
    if asked.stream:
        return await streamed(log, start, partial(_encoder, start))
    refold, response = await _read(log, start, wait=not asked.background)
    failed = failure(StreamEnd(refold.reply)) if not response["output"] else None
    return failed or answer(response)


async def retrieve(request: Request) -> Response:
    """Return a response as it stands, or stream it."""
    log = log_of(request)
    start = await _start(request)
    if request.query_params.get("stream") != "true":
        return answer((await _read(log, start))[1])
    after = request.query_params.get("starting_after", "-1")
    if not after.removeprefix("-").isdecimal() or len(after) > 15:
        raise BadRequestError(f"starting_after is {after[:32]!r}, expected the number of an event")
    return await streamed(log, start, partial(_encoder, start), skip=max(0, int(after) + 1))


async def cancel(request: Request) -> Response:
    """Cancel a response; as often as one likes."""
    log, start = log_of(request), await _start(request)
    await log.cancel(ROOT + start.id)
    with suppress(TimeoutError):
        await asyncio.wait_for(_read(log, start, wait=True), CANCELLING)
    return answer((await _read(log, start))[1])


async def _start(request: Request) -> Start:
    log, path = log_of(request), ROOT + request.path_params["id"]
    page = await log.read(path, 0, 1)
    await log.touch(page.stream)
    return start_of(page.records[0])


async def _read(log: Log, start: Start, *, wait: bool = False) -> tuple[Refold, dict[str, Any]]:
    """Read a response as it stands, or, if you `wait`, to its end."""
    encoder = _encoder(start)
    refold = await refolded(log, ROOT + start.id, wait=wait, told=encoder.feed)
    end = honest(StreamEnd(refold.reply))
    assert isinstance(end, StreamEnd)
    return refold, encoder.response(end.reply)


def _encoder(start: Start) -> OpenAIResponsesEncoder:
    return OpenAIResponsesEncoder(start.id, start.model, start.created)


ROUTES = [
    Route("/v1/responses", create, methods=["POST"]),
    Route("/v1/responses/{id}", retrieve),
    Route("/v1/responses/{id}/cancel", cancel, methods=["POST"]),
]
