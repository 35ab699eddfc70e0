"""What a client gets that is refused."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from .errors import RelayError, RelayLimitError, UnauthorizedError

RETRY_AFTER = 1
"""Seconds after which it may be worth a try again, where a limit was passed that waiting helps."""


def refusal(error: RelayError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says why not: ``{"error": {"type", "message"}}``."""
    kind = type(error).__name__.removesuffix("Error")
    body = msgspec.json.encode({"error": {"type": kind, "message": str(error)}})
    said = {"Cache-Control": "no-store", **_hints(error), **(headers or {})}
    return Response(body, error.status, said, "application/json")


def _hints(error: RelayError) -> dict[str, str]:
    if isinstance(error, UnauthorizedError):
        return {"WWW-Authenticate": "Bearer"}  # RFC 6750 3
    if isinstance(error, RelayLimitError) and error.status == 429:
        return {"Retry-After": str(RETRY_AFTER)}  # RFC 6585 4
    return {}
