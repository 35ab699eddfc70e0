"""Ask for the rest of a reply that broke off: how each API can be asked to go on.

A request says by name whether and how it can be continued (`Request.continuation`); nothing is guessed, because an API
that does not know the way answers from the beginning, or refuses. Pure: a request and what came make another request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import CallerError
from ..reply import Reply
from .request import Request

EXACT = frozenset({"starting_after"})
"""The ways by which the server sends just what is missing; after the others the model may say its last words again."""


def continued(request: Request, reply: Reply, cursor: int | None) -> Request | None:
    """Return the request for the rest of `reply`; ``None`` if there is no way.

    Args:
        request: What was asked.
        reply: What came of it.
        cursor: The number of the last event that came, where the API counts them.
    """
    way = WAYS.get(request.continuation or "")
    return way(request, reply, cursor) if way else None


def check_continuation(name: str | None) -> None:
    """Refuse the name of a way that is unknown.

    Raises:
        CallerError: There is none; the message lists them.
    """
    if name is not None and name not in WAYS:
        raise CallerError(f"no continuation {name!r}; there are {', '.join(sorted(WAYS))}")


def _prefill(request: Request, reply: Reply, cursor: int | None) -> Request | None:
    return _with_answer(request, reply)


def _prefix(request: Request, reply: Reply, cursor: int | None) -> Request | None:
    return _with_answer(request, reply, message={"prefix": True})


def _final_message(request: Request, reply: Reply, cursor: int | None) -> Request | None:
    return _with_answer(request, reply, body={"continue_final_message": True, "add_generation_prompt": False})


def _with_answer(
    request: Request, reply: Reply, *, message: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
) -> Request | None:
    """Return `request` with the text so far as the beginning of the answer."""
    messages = request.json.get("messages") if isinstance(request.json, Mapping) else None
    if not isinstance(messages, list):
        return None
    answer = {"role": "assistant", "content": reply.text, **(message or {})}
    return replace(request, json={**request.json, "messages": [*messages, answer], **(body or {})})


def _starting_after(request: Request, reply: Reply, cursor: int | None) -> Request | None:
    if not reply.id or cursor is None:
        return None
    parts = urlsplit(request.url)
    query = f"{parts.query}&" if parts.query else ""
    path = f"{parts.path.rstrip('/')}/{quote(reply.id, safe='')}"
    url = urlunsplit(parts._replace(path=path, query=f"{query}stream=true&starting_after={cursor}"))
    return replace(request, url=url, method="GET", json=None, content=None)


WAYS: dict[str, Callable[[Request, Reply, int | None], Request | None]] = {
    "prefill": _prefill,
    "prefix": _prefix,
    "continue_final_message": _final_message,
    "starting_after": _starting_after,
}
"""The table of all.

- ``prefill``: the text so far is the last message, of the assistant (Anthropic where the model allows it, llama.cpp,
  Ollama, OpenRouter).
- ``prefix``: the same, marked ``"prefix": true`` (DeepSeek's beta API, Mistral).
- ``continue_final_message``: the same, with vLLM's and SGLang's parameter of that name.
- ``starting_after``: OpenAI's Responses API, for a response with ``"background": true``, by the number of the
  last event.
"""
