"""Tell a response that is a stream from one that is not, and make one error of the latter.

A response with a status other than 2xx, one that is empty by its status, and a page for people (HTML) is no stream. A
redirect is none either, and never followed: a request carries a key and a whole conversation, and neither goes to a
place that its sender has not named. JSON under a good status is for the decoder: it may be a stream's only frame.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ProviderError
from .request import Request
from .retry_after import asked_wait

MAX_REFUSAL_BYTES = 65_536
"""Protects memory: of a response that is not a stream no more is read; a sentence of it is enough."""

REFUSAL_SECONDS = 2.0
"""How long a response that is not a stream is read: what it says comes at once, or with it nothing that matters."""

MAX_SHOWN = 300
"""Characters of a body that is not JSON which an error's sentence tells."""

_PAGES = {"text/html", "application/xhtml+xml"}
_EMPTY = {204, 205}
_TELLING = re.compile(
    r"(?:.*-)?request-?id|.*ratelimit.*|retry-after(?:-ms)?|content-type|date|server|cf-ray|openai-(?:processing-ms|version)"
    r"|.*model.*|x-served-by|x-trace-id|traceparent",
    re.IGNORECASE,
)
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "x-goog-request-id", "apim-request-id", "cf-ray")


@dataclass(frozen=True, slots=True)
class Response:
    """What the server said before the stream.

    Attributes:
        status: The HTTP status.
        headers: The headers that may be told, by their names in lower case: request ids, rate limits, and the like.
        attempts: How many requests it took, over all endpoints.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1

    @property
    def request_id(self) -> str | None:
        """The server's name for the request: what its support will ask for."""
        return next((self.headers[name] for name in _REQUEST_IDS if name in self.headers), None)


def telling(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those headers that may be told: no cookies, nothing that could hold a key."""
    return {name.lower(): value for name, value in headers.items() if _TELLING.fullmatch(name)}


def is_stream(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether a response may be a stream."""
    return 200 <= status < 300 and status not in _EMPTY and media_type(headers) not in _PAGES


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a response in lower case; empty if it has none."""
    value = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return value.partition(";")[0].strip().lower()


def refusal(request: Request, status: int, headers: Mapping[str, str], body: bytes, now: float) -> ProviderError:
    """Return the error for a response that is not a stream.

    Args:
        request: What was asked.
        status: The HTTP status.
        headers: All headers.
        body: Its first `MAX_REFUSAL_BYTES` bytes.
        now: The time in seconds since 1970, to which the date in ``Retry-After`` is compared.
    """
    from ..dialects.provider_errors import RETRYABLE_STATUSES, find_error, provider_error

    value, text = _decoded(request.redacted(body.decode("utf-8", "replace")))
    found = find_error(value) if isinstance(value, Mapping) else None
    said = provider_error(found, value) if found else None
    message = said.message if said else _sentence(status, headers, text)
    return ProviderError(
        message,
        type=said.type if said else None,
        code=said.code if said else None,
        status=status,
        retryable=status in RETRYABLE_STATUSES or status >= 500,
        body=value if value is not None else text,
        retry_after=asked_wait(headers, now),
        headers=telling(headers),
    )


def _decoded(text: str) -> tuple[Any, str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None, text
    # Gemini wraps the error of a stream that is a JSON array into an array of one
    return (value[0] if isinstance(value, list) and value else value), text


def _sentence(status: int, headers: Mapping[str, str], text: str) -> str:
    if 300 <= status < 400:
        where = next((value for name, value in headers.items() if name.lower() == "location"), "nowhere")
        return f"redirected to {where.partition('?')[0]}, which is not followed: name the final URL"
    kind = media_type(headers)
    if not text.strip():
        return "an empty response, not a stream"
    if kind in _PAGES:
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"a web page, not a stream: {_short(title[1] if title else re.sub('<[^>]*>', ' ', text))}"
    return f"{'no stream but ' + kind + ': ' if 200 <= status < 300 and kind else ''}{_short(text)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
