"""The UI message stream of the Vercel AI SDK, for ``useChat``: a reply, and how its page finds it again.

    POST /api/chat {"id", "messages", ...}   the reply as it comes; the message's id in ``start`` is the generation's
    GET  /api/chat/ID/stream                 the same from its first event, while it runs; else 204
    POST /api/chat/ID/cancel                 stops it: the ``stop`` of ``useChat`` only leaves

What belongs to a chat is a log of its own, of the ids of its generations: so any node finds the latest one.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...encoders.frames import to_json
from ...encoders.ui_messages import UIMessagesEncoder
from ..answering import streamed
from ..engines import Question
from ..errors import StreamConflictError, StreamNotFoundError
from ..generating import ROOT
from ..http import asked_as, begin, generations_of, json_of, listed, log_of
from ..log import Log
from ..records import Start, start_of
from ..rules.lifecycle import Creation
from .ui_requests import messages_of

CHATS = "chats/"
"""What the paths of the chats' logs begin with."""


class _Asked(msgspec.Struct):
    messages: list[dict[str, Any]]
    id: str = ""
    model: str = ""
    stop: str | list[str] | None = None
    trigger: str | None = None
    messageId: str | None = None  # noqa: N815 (the protocol's name)


async def create(request: Request) -> Response:
    """Answer the conversation."""
    asked, params = asked_as(_Asked, await json_of(request))
    question = Question(messages_of(asked.messages), listed(asked.stop), params)
    started = await begin(request, question, asked.model, "msg_")
    if asked.id and started.new:
        await _note(log_of(request), CHATS + asked.id, started.start.id, generations_of(request).retention)
    return await streamed(log_of(request), started.start, partial(_encoder, started.start))


async def resume(request: Request) -> Response:
    """Send the chat's latest reply again, if it is not at its end."""
    start = await _running(log_of(request), request.path_params["id"])
    if start is None:
        return Response(None, 204, {"Cache-Control": "no-store"})
    return await streamed(log_of(request), start, partial(_encoder, start))


async def cancel(request: Request) -> Response:
    """Cancel the chat's latest reply; as often as one likes."""
    start = await _running(log_of(request), request.path_params["id"])
    if start is not None:
        await log_of(request).cancel(ROOT + start.id)
    return Response(None, 204)


async def _note(log: Log, path: str, id: str, retention: int | None) -> None:
    """Write down that this generation is the chat's latest."""
    with suppress(StreamConflictError):  # it is there, from when another retention was set
        await log.create(path, Creation("application/json", ttl=retention))
    await log.append(path, [to_json(id)])


async def _running(log: Log, chat: str) -> Start | None:
    """Return the chat's latest generation, if it runs."""
    try:
        tail = (await log.head(CHATS + chat)).tail
        latest = await log.read(CHATS + chat, tail - 1, 1)
        page = await log.read(ROOT + msgspec.json.decode(latest.records[0], type=str), 0, 1)
    except StreamNotFoundError:
        return None
    return None if page.stream.closed else start_of(page.records[0])


def _encoder(start: Start) -> UIMessagesEncoder:
    return UIMessagesEncoder(start.id, start.model, start.created)


ROUTES = [
    Route("/api/chat", create, methods=["POST"]),
    Route("/api/chat/{id}/stream", resume),
    Route("/api/chat/{id}/cancel", cancel, methods=["POST"]),
]
