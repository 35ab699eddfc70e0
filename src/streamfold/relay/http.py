"""What every view does with a request and a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from .errors import RelayError, RelayLimitError
from .log import Log


def log_of(request: Request) -> Log:
    """Return the log that the application serves."""
    return cast("Log", request.state.log)


async def body_of(request: Request, limit: int) -> bytes:
    """Read the body.

    Raises:
        RelayLimitError: It has more than `limit` bytes; the rest is not read.
    """
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise RelayLimitError("max_body", limit)
        parts.append(part)
    return b"".join(parts)


def refusal(error: RelayError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says why not: ``{"error": {"type", "message"}}``."""
    kind = type(error).__name__.removesuffix("Error")
    body = msgspec.json.encode({"error": {"type": kind, "message": str(error)}})
    return Response(body, error.status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")
