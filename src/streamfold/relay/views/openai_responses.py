"""OpenAI's responses: streamed or not, looked at later, gone on with after a cut, cancelled.

The log has events, not the protocol's own: these are written anew for each reader, and as they depend on nothing but
the log, they carry the same sequence numbers each time. So ``starting_after`` is a number of the protocol's events.
With ``background`` the answer comes at once, and the response is looked at later.

What was asked is kept in a log of its own, for the request that goes on from here (``previous_response_id``), but not
if the request says ``"store": false``. Each names the one before it: a conversation is kept once, however long.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...encoders.frames import to_json
from ...encoders.openai_responses import OpenAIResponsesEncoder
from ...events import StreamEnd
from ..answering import failure, streamed
from ..errors import BadRequestError, StreamConflictError, StreamGoneError, StreamNotFoundError
from ..following import honest, refolded
from ..generating import ROOT
from ..http import answer, begin, generations_of, json_of, log_of
from ..log import Log
from ..records import Refold, Start, start_of
from ..rules.lifecycle import Creation
from .responses_requests import Asked, messages_of, question_of

INPUTS = "inputs/"
"""What the paths of the logs begin with that have what was asked."""
CANCELLING = 5.0
"""Seconds that a cancelled response has to end, before it is shown as it is."""


class _Turn(msgspec.Struct):
    messages: list[dict[str, Any]]
    previous: str | None = None


_decode_turn = msgspec.json.Decoder(_Turn).decode


async def create(request: Request) -> Response:
    """Begin a response."""
    asked, question = question_of(await json_of(request))
    log = log_of(request)
    if asked.previous_response_id is not None:
        earlier = await _conversation(log, asked.previous_response_id)
        place = 1 if asked.instructions else 0  # which are this response's alone
        question = replace(question, messages=[*question.messages[:place], *earlier, *question.messages[place:]])
    start = (await begin(request, question, asked.model, "resp_")).start
    if asked.store is not False:
        await _keep(log, start.id, asked, generations_of(request).retention)
    if asked.stream:
        return await streamed(log, start, partial(_encoder, start))
    refold, response = await _read(log, start, wait=not asked.background)
    failed = failure(StreamEnd(refold.reply)) if not response["output"] else None
    return failed or answer(response)


async def _keep(log: Log, id: str, asked: Asked, retention: int | None) -> None:
    """Keep what was asked; it is there already if the request is repeated."""
    turn = to_json(_Turn(messages_of(asked.input), asked.previous_response_id))
    with suppress(StreamConflictError):  # from when another retention was set
        await log.create(INPUTS + id, Creation("application/json", [turn], closed=True, ttl=retention))


async def _conversation(log: Log, id: str | None) -> list[dict[str, Any]]:
    """Return the messages up to the end of a response.

    Raises:
        BadRequestError: It is not kept, nor is one before it, or it has no end to go on from.
    """
    turns: list[list[dict[str, Any]]] = []
    while id is not None:
        try:
            kept = await log.read(INPUTS + id, 0, 1)
            start = await _started(log, id)
        except (StreamNotFoundError, StreamGoneError) as error:
            raise BadRequestError(f"the previous response {id[:64]!r} was not found") from error
        await log.touch(kept.stream)
        response = (await _read(log, start))[1]
        if response["status"] not in ("completed", "incomplete"):
            raise BadRequestError(f"the previous response {id[:64]!r} is {response['status']}: there is no going on")
        turn = _decode_turn(kept.records[0])
        said = [item for item in response["output"] if item["type"] != "function_call" or item["status"] == "completed"]
        turns.append([*turn.messages, *messages_of(said)])
        id = turn.previous
    return [message for turn in reversed(turns) for message in turn]


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
    return await _started(log_of(request), request.path_params["id"])


async def _started(log: Log, id: str) -> Start:
    page = await log.read(ROOT + id, 0, 1)
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
