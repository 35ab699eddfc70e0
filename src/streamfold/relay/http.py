"""What every view does with a request, an answer and a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..encoders.frames import to_json
from .access import Access
from .engines import Question
from .errors import BadRequestError, RelayError, RelayLimitError, UnauthorizedError
from .generating import Generations, Started
from .log import Log

RETRY_AFTER = 1
"""Seconds after which it may be worth a try again, where a limit was passed that waiting helps."""
T = TypeVar("T", bound=msgspec.Struct)
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


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


def generations_of(request: Request) -> Generations:
    """Return what produces generations here."""
    return cast("Generations", request.state.generations)


async def begin(request: Request, question: Question, model: str, prefix: str) -> Started:
    """Begin a generation for this request, or find the one that it began before; see `Generations.start`."""
    key, client = request.headers.get("idempotency-key"), request.client
    return await generations_of(request).start(
        question, model, prefix=prefix, key=key, client=client.host if client else ""
    )


async def json_of(request: Request) -> dict[str, Any]:
    """Read the body as a JSON object.

    Raises:
        BadRequestError: It is none.
        RelayLimitError: It is too large.
    """
    body = await body_of(request, log_of(request).limits.max_body)
    try:
        return _decode_object(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"the body is not a JSON object: {error}") from error


def asked_as(kind: type[T], body: dict[str, Any]) -> tuple[T, dict[str, Any]]:
    """Return what a body says as a `kind`, and what else is in it.

    Raises:
        BadRequestError: It does not fit.
    """
    try:
        asked = msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise BadRequestError(f"the request cannot be meant: {error}") from error
    return asked, {name: value for name, value in body.items() if name not in kind.__struct_fields__}


def listed(stop: str | list[str] | None) -> list[str]:
    """Return the stop sequences; an empty one stops nothing."""
    return [one for one in ([stop] if isinstance(stop, str) else stop or []) if one]


def readable(request: Request, path: str) -> str:
    """Return a URL from which this path alone can be read, without a token."""
    return cast("Access", request.state.access).readable(path)


def answer(value: Any, status: int = 200) -> Response:
    """Return a response of JSON."""
    return Response(to_json(value), status, {"Cache-Control": "no-store"}, "application/json")


def refusal(error: RelayError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that says why not: ``{"error": {"type", "message"}}``."""
    kind = type(error).__name__.removesuffix("Error")
    response = answer({"error": {"type": kind, "message": str(error)}}, error.status)
    response.headers.update({**_hints(error), **(headers or {})})
    return response


def _hints(error: RelayError) -> dict[str, str]:
    if isinstance(error, UnauthorizedError):
        return {"WWW-Authenticate": "Bearer"}  # RFC 6750 3
    if isinstance(error, RelayLimitError) and error.status == 429:
        return {"Retry-After": str(RETRY_AFTER)}  # RFC 6585 4
    return {}
