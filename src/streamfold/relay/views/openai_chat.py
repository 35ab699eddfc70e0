"""OpenAI's chat completions, streamed or not, in front of any engine; and the list of models.

The reader's leaving stops nothing. The header ``X-Generation-Id`` names the generation, which the relay's own API
follows and cancels; the same request with the same ``Idempotency-Key`` gets the same reply, from its first token.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...encoders.openai_chat import OpenAIChatEncoder, chat_completion
from ...reply import Reply
from ..answering import streamed, whole
from ..engines import Engine, Question
from ..errors import ModelNotFoundError
from ..following import refolded
from ..generating import ROOT
from ..http import answer, asked_as, begin, generations_of, json_of, listed, log_of
from ..records import Start


class _Asked(msgspec.Struct):
    messages: list[dict[str, Any]]
    model: str = ""
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: Any = None


async def create(request: Request) -> Response:
    """Complete a chat."""
    asked, params = asked_as(_Asked, await json_of(request))
    question = Question(asked.messages, listed(asked.stop), params)
    start = (await begin(request, question, asked.model, "chatcmpl-")).start
    log = log_of(request)
    if asked.stream:
        return await streamed(log, start, partial(OpenAIChatEncoder, start.id, start.model, start.created))
    return whole(await refolded(log, ROOT + start.id, wait=True), _completion)


def _completion(reply: Reply, start: Start) -> dict[str, Any]:
    return chat_completion(reply, start.id, start.model, start.created)


async def models(request: Request) -> Response:
    """List the models."""
    data = [_model(engine) for engine in generations_of(request).engines]
    return answer({"object": "list", "data": data})


async def model(request: Request) -> Response:
    """Tell of one model."""
    name = request.path_params["model"]
    for engine in generations_of(request).engines:
        if name in (_model(engine)["id"], engine.name):
            return answer(_model(engine))
    raise ModelNotFoundError(f"no model is called {name[:100]!r}")


def _model(engine: Engine) -> dict[str, Any]:
    return {"id": engine.model or engine.name, "object": "model", "created": 0, "owned_by": engine.name}


ROUTES = [
    Route("/v1/chat/completions", create, methods=["POST"]),
    Route("/v1/models", models),
    Route("/v1/models/{model:path}", model),
]
