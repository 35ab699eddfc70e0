"""Requests to the APIs that nearly everybody uses, from a model and messages.

Each function fills in what is the same in every program: the URL, the key from the environment variable that the
provider's own client reads, that the reply is streamed and its usage counted; and how the API continues a reply that
broke off, where it can (`Request.continuation`). Every other field goes into the body untouched, and one that is given
wins over one that is filled in. Nothing is checked that the server checks better.

The arguments are the same for all:

- `model`: its name.
- `messages`: the conversation in the provider's own form; a str is one message of the user's.
- `base_url`: another server that speaks the same API, up to and without the path that is added here.
- `api_key`: the key. ``None`` is the environment's, as with the provider's own client, whatever the `base_url`; ``""``
  is none.
- `headers`: what else to send.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .request import Request

Messages = str | Sequence[Mapping[str, Any]]

ANTHROPIC_VERSION = "2023-06-01"
ANTHROPIC_MAX_TOKENS = 4096
"""Anthropic's API requires a limit; every model of theirs that is served allows this one."""


def openai(
    model: str,
    messages: Messages,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Request:
    """Return a request to OpenAI's chat completions API, or to any server that speaks it.

    Read from the environment are ``OPENAI_BASE_URL``, ``OPENAI_API_KEY``, ``OPENAI_ORG_ID`` and ``OPENAI_PROJECT_ID``.

    Example::

        fold(streamfold.openai("gpt-5", "Why is the sky blue?", temperature=0))
        fold(streamfold.openai("llama3", messages, base_url="http://localhost:8000/v1"))
    """
    root = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    sent = {
        **_bearer(_key(api_key, "OPENAI_API_KEY")),
        **_named(("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")),
    }
    body = {"model": model, "messages": _conversation(messages), **_STREAMED, **extra}
    return Request(_at(root, "chat/completions"), json=body, headers=sent | dict(headers or {}))


def anthropic(
    model: str,
    messages: Messages,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Request:
    """Return a request to Anthropic's Messages API.

    Read from the environment are ``ANTHROPIC_BASE_URL`` and ``ANTHROPIC_API_KEY``. Without
    ``max_tokens`` it is `ANTHROPIC_MAX_TOKENS`.
    """
    root = base_url or os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
    key = _key(api_key, "ANTHROPIC_API_KEY")
    sent = {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
    body = {"model": model, "messages": _conversation(messages), "max_tokens": ANTHROPIC_MAX_TOKENS, "stream": True}
    return Request(
        _at(root, "v1/messages"), json=body | extra, headers=sent | dict(headers or {}), continuation="prefill"
    )


def gemini(
    model: str,
    messages: Messages,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Request:
    """Return a request to Google's Gemini API.

    Messages are ``contents``, in Gemini's own form, or the plain ``{"role", "content"}`` of others, which is turned
    into it: the roles ``assistant`` into ``model`` and ``system`` into ``systemInstruction``. Read from the environment
    are ``GOOGLE_API_KEY`` and, failing that, ``GEMINI_API_KEY``. The key travels as a header, never in the URL.
    """
    root = base_url or "https://generativelanguage.googleapis.com/v1beta"
    key = _key(api_key, "GOOGLE_API_KEY", "GEMINI_API_KEY")
    path = model if "/" in model else f"models/{model}"
    contents, system = _contents(_conversation(messages))
    body = {"contents": contents, **({"systemInstruction": system} if system else {}), **extra}
    sent = {"x-goog-api-key": key} if key else {}
    url = _at(root, f"{quote(path, safe='/')}:streamGenerateContent?alt=sse")
    return Request(url, json=body, headers=sent | dict(headers or {}))


def ollama(
    model: str,
    messages: Messages,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Request:
    """Return a request to Ollama's own chat API.

    Read from the environment are ``OLLAMA_HOST``, as Ollama's own programs read it, and ``OLLAMA_API_KEY``.
    """
    root = base_url or _ollama_host(os.environ.get("OLLAMA_HOST", ""))
    key = _key(api_key, "OLLAMA_API_KEY")
    body = {"model": model, "messages": _conversation(messages), "stream": True, **extra}
    sent = _bearer(key) | dict(headers or {})
    return Request(_at(root, "api/chat"), json=body, headers=sent, continuation="prefill")


def llama_cpp(
    model: str | None,
    messages: Messages,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    continuation: str = "prefill",
    **extra: Any,
) -> Request:
    """Return a request to a llama.cpp server, by its OpenAI-compatible API.

    A server of one model needs no name for it: `model` may be ``None``. Read from the environment is
    ``LLAMA_API_KEY``, the server's own variable. With the `continuation` ``"conversation_id"`` a server that has a
    replay buffer sends just what is missing of a reply that broke off (`continuing.WAYS`).
    """
    root = base_url or "http://127.0.0.1:8080"
    key = _key(api_key, "LLAMA_API_KEY")
    named = {} if model is None else {"model": model}
    body = {**named, "messages": _conversation(messages), **_STREAMED, **extra}
    sent = _bearer(key) | dict(headers or {})
    return Request(_at(root, "v1/chat/completions"), json=body, headers=sent, continuation=continuation)


_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def _conversation(messages: Messages) -> list[Any]:
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)


def _contents(messages: list[Any]) -> tuple[list[Any], Any]:
    """Return Gemini's ``contents`` and ``systemInstruction``."""
    contents, system = [], []
    for message in messages:
        text = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(text, str):
            contents.append(message)
        elif message.get("role") in ("system", "developer"):
            system.append({"text": text})
        else:
            role = "model" if message.get("role") == "assistant" else message.get("role")
            contents.append({"role": role, "parts": [{"text": text}]})
    return contents, {"parts": system} if system else None


def _ollama_host(host: str) -> str:
    """Return the URL that ``OLLAMA_HOST`` means: scheme and port may be missing, and 0.0.0.0 is where it listens."""
    scheme, has_scheme, rest = host.strip().strip("\"'").rpartition("://")
    name, _, path = rest.partition("/")
    if not name or name.startswith(":"):
        name = f"127.0.0.1{name}"
    has_port = ":" in name.rpartition("]")[2]
    if not has_scheme:
        scheme = "http"
    if not has_port:
        name += {"http": ":80", "https": ":443"}[scheme] if has_scheme and scheme in ("http", "https") else ":11434"
    return f"{scheme}://{name.replace('0.0.0.0', '127.0.0.1')}/{path}"


def _at(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}"


def _key(given: str | None, *names: str) -> str | None:
    if given is not None:
        return given or None
    return next((value for name in names if (value := _environment(name))), None)


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _named(*pairs: tuple[str, str]) -> dict[str, str]:
    return {header: value for header, name in pairs if (value := _environment(name))}


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
