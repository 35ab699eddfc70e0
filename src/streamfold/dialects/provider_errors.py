"""Make one `ProviderError` of the many shapes in which providers say no.

Seen on the wire: ``{"error": {"message", "type", "code"}}`` (OpenAI and most), ``{"error": "text"}`` (Ollama),
``{"type": "error", "error": {...}}`` (Anthropic), ``{"message": ...}`` (Mistral, Cohere), ``{"detail": ...}``
(FastAPI), ``{"object": "error", "message": ...}`` (vLLM), ``{"error": {"code": 503, "status": "UNAVAILABLE"}}``
(Google), ``{"errors": [{"code", "message"}], "status_code": 400}`` (watsonx; Writer, with a
``description``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ProviderError
from ..folding.surrogates import replace_surrogates

RETRYABLE_STATUSES = frozenset({408, 409, 425, 429, 499, 500, 502, 503, 504, 529})
"""Statuses after which the same request may succeed: RFC 9110, RFC 6585, and 529 (Anthropic: overloaded)."""

_RETRYABLE_WORDS = (
    "overloaded",
    "rate_limit",
    "ratelimit",
    "server_error",
    "api_error",  # Anthropic's 500
    "unavailable",
    "timeout",
    "throttl",
)


def find_error(body: Mapping[str, Any]) -> Any:
    """Return what `body` says went wrong, or ``None`` if it is not about an error."""
    error = body.get("error")
    if error:
        return error
    if body.get("type") == "error" or body.get("object") == "error":
        return body
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        return {"status_code": body.get("status_code"), **errors[0]}
    message = body.get("message")
    return body if body.get("detail") or (message and isinstance(message, str)) else None


def provider_error(error: Any, body: Any = None) -> ProviderError:
    """Return the error that `error`, a mapping or a text, tells of; `body` is all that was sent."""
    if not isinstance(error, Mapping):
        return ProviderError(_words(error), body=body)
    message = _first(error, "message", "detail", "error", "msg", "description") or "the provider gave no message"
    kind = _first(error, "type", "status", "__type")
    code = _first(error, "code")
    status = next((s for s in map(_as_status, (error.get("status_code"), code, error.get("status"))) if s), None)
    message = _words(message)
    kind = None if kind in (None, "error") else _words(kind)  # "error" says what everybody knows
    code = None if code is None else _words(code)
    said = f"{kind} {code} {message}".lower()
    return ProviderError(
        message,
        type=kind,
        code=code,
        status=status,
        retryable=status in RETRYABLE_STATUSES or any(word in said for word in _RETRYABLE_WORDS),
        body=error if body is None else body,
    )


def _words(value: Any) -> str:
    """Return `value` as text: nothing that a provider sends may raise here."""
    try:
        return replace_surrogates(value if isinstance(value, str) else str(value))
    except (RecursionError, ValueError):  # nested too deeply; an integer of too many digits
        return f"an unreadable {type(value).__name__}"


def _first(error: Mapping[str, Any], *names: str) -> Any:
    return next((error[name] for name in names if error.get(name) not in (None, "")), None)


def _as_status(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and 400 <= value <= 599 else None
