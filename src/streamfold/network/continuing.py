"""Ask for the rest of a reply that broke off, and end one that nobody reads any more: how each API takes it.

A request says by name whether and how it can be continued (`Request.continuation`); nothing is guessed, because an API
that does not know the way answers from the beginning, or refuses. Where the server sends just what is missing, the
reply outlives its connection: there, hanging up does not make the sender quit, and the way has a request that does
(`Way.cancellation`). Pure: a request and what came make another request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ..errors import CallerError
from ..reply import Reply
from .request import Request


class Break(NamedTuple):
    """Where a reply broke off.

    Attributes:
        reply: What came.
        n_bytes: How many bytes of its stream came.
        n_event: The number of the last event, where the API counts them.
    """

    reply: Reply
    n_bytes: int = 0
    n_event: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How one API is asked to go on.

    Attributes:
        rest: Return the request for what is missing; ``None`` if there is none.
        resumes_at: At what the server takes the same stream up, sending just what is missing. ``None``: another stream
            goes on with the text, and the model may say its last words again.
        named: Return the request as it is sent first, under a name by which its stream can be asked for.
        cancellation: Return the request that ends a reply of which this much came; ``None`` where there is none.
    """

    rest: Callable[[Request, Break], Request | None]
    resumes_at: Literal["event", "byte"] | None = None
    named: Callable[[Request, str], Request] = lambda request, name: request
    cancellation: Callable[[Request, Reply], Request | None] = lambda request, reply: None


def way_of(request: Request) -> Way:
    """Return how `request` is continued.

    Raises:
        CallerError: The way it names is unknown; the message lists them.
    """
    name = request.continuation
    if name is not None and name not in WAYS:
        raise CallerError(f"no continuation {name!r}; there are {', '.join(sorted(WAYS))}")
    return NO_WAY if name is None else WAYS[name]


# -- the text so far is the beginning of the answer ------------------------------------------------------------------


def _with_answer(request: Request, reply: Reply, message: Mapping[str, Any], body: Mapping[str, Any]) -> Request | None:
    messages = request.json.get("messages") if isinstance(request.json, Mapping) else None
    if not isinstance(messages, list):
        return None
    answer = {"role": "assistant", "content": reply.text, **message}
    return replace(request, json={**request.json, "messages": [*messages, answer], **body})


def _answering(message: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None) -> Way:
    return Way(lambda request, at: _with_answer(request, at.reply, message or {}, body or {}))


# -- OpenAI's responses: by their id and the number of the last event -------------------------------------------------


def _after_event(request: Request, at: Break) -> Request | None:
    if not at.reply.id or at.n_event is None:
        return None
    return _at_response(request, at.reply.id, "GET", query=f"stream=true&starting_after={at.n_event}")


def _cancel_response(request: Request, reply: Reply) -> Request | None:
    in_background = isinstance(request.json, Mapping) and request.json.get("background")
    return _at_response(request, reply.id, "POST", "/cancel") if reply.id and in_background else None


def _at_response(request: Request, id: str, method: str, path: str = "", query: str = "") -> Request:
    return _at(request, method, f"{urlsplit(request.url).path.rstrip('/')}/{quote(id, safe='')}{path}", query)


# -- llama.cpp's conversations: by a name that the client gives, and the number of bytes ------------------------------

_CONVERSATION = "X-Conversation-Id"


def _conversation(request: Request) -> str:
    return next((value for name, value in request.headers.items() if name.lower() == _CONVERSATION.lower()), "")


def _in_conversation(request: Request, name: str) -> Request:
    if _conversation(request):
        return request
    return replace(request, headers={**request.headers, _CONVERSATION: name})


def _at_stream(request: Request, method: str, **query: object) -> Request:
    root = urlsplit(request.url).path.removesuffix("/chat/completions").removesuffix("/v1")
    return _at(request, method, f"{root}/v1/stream", urlencode({"conv_id": _conversation(request), **query}))


def _at(request: Request, method: str, path: str, query: str) -> Request:
    """Return a request without a body to another path of the same server, with the same headers and parameters."""
    parts = urlsplit(request.url)
    url = urlunsplit(parts._replace(path=path, query="&".join(part for part in (parts.query, query) if part)))
    return replace(request, url=url, method=method, json=None, content=None)


NO_WAY = Way(lambda request, at: None)
"""A request that does not say how it can be continued."""

WAYS: dict[str, Way] = {
    "prefill": _answering(),
    "prefix": _answering(message={"prefix": True}),
    "continue_final_message": _answering(body={"continue_final_message": True, "add_generation_prompt": False}),
    "starting_after": Way(_after_event, "event", cancellation=_cancel_response),
    "conversation_id": Way(
        lambda request, at: _at_stream(request, "GET", **{"from": at.n_bytes}),
        "byte",
        named=_in_conversation,
        cancellation=lambda request, reply: _at_stream(request, "DELETE"),
    ),
}
"""The table of all.

- ``prefill``: the text so far is the last message, of the assistant (Anthropic where the model allows it, llama.cpp,
  Ollama, OpenRouter).
- ``prefix``: the same, marked ``"prefix": true`` (DeepSeek's beta API, Mistral).
- ``continue_final_message``: the same, with vLLM's and SGLang's parameter of that name.
- ``starting_after``: OpenAI's Responses API, for a response with ``"background": true``, by the number of the
  last event; ``POST .../ID/cancel`` ends it.
- ``conversation_id``: llama.cpp's server (its tools/server/README-dev.md, "Resumable streaming"; an older one does not
  know it). Its replay buffer keeps the last 4 MiB of a stream that was asked for with ``X-Conversation-Id``, until five
  minutes after its end: ``GET /v1/stream?conv_id=ID&from=BYTES``, and ``DELETE`` ends it. Where the request has no
  such header, each of its streams gets a name of its own; one that has it replaces, on the server, the stream before.
"""
