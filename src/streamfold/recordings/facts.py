"""What a recording tells of a request and of its response: only what is listed here, so that no secret comes along.

A recording is kept, sent to others, committed to a repository. So of a URL there are scheme, host and path, and those
parameters that choose a format; of the body the model, the numbers and the switches, but neither the prompt nor any
other text: what was asked is the caller's, and the replies that it got are what a recording is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_PARAMETERS = frozenset({"alt", "api-version", "from", "starting_after", "stream"})
_WORDS = frozenset({"model", "reasoning_effort"})
_HEADERS = frozenset({"content-type", "x-request-id", "request-id", "retry-after", "x-vercel-ai-ui-message-stream"})


def request_facts(method: str, url: str, body: Any = None) -> dict[str, Any]:
    """Return what may be told of a request.

    Args:
        method: The HTTP method.
        url: The URL, secrets and all.
        body: The body, decoded, if it is JSON.
    """
    facts: dict[str, Any] = {"method": method, "url": _public(url)}
    if isinstance(body, Mapping):
        told = {str(name): value for name, value in body.items() if _may_be_told(str(name), value)}
        facts |= {"parameters": told} if told else {}
    return facts


def response_facts(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what may be told of a response."""
    told = {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}
    content_type = told.pop("content-type", None)
    return {"status": status, "content_type": content_type, **({"headers": told} if told else {})}


def _may_be_told(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return name in _WORDS
    return value is None or isinstance(value, bool | int | float)


def _public(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        query = [(name, value) for name, value in parse_qsl(parts.query) if name in _PARAMETERS]
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query), ""))
