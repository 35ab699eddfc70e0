"""Write frames: values as JSON, in server-sent events or in lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import CallerError, ProviderError
from ..reply import Reply

to_json = msgspec.json.Encoder(enc_hook=repr).encode

DONE = b"data: [DONE]\n\n"


def sse(value: Mapping[str, Any]) -> bytes:
    """Return `value` as a server-sent event."""
    return b"data: %s\n\n" % to_json(value)


def named_sse(value: Mapping[str, Any]) -> bytes:
    """Return `value` as a server-sent event that says its type, as Anthropic's and OpenAI Responses' do."""
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), to_json(value))


def line(value: Mapping[str, Any]) -> bytes:
    """Return `value` as a line."""
    return b"%s\n" % to_json(value)


def said(**values: Any) -> dict[str, Any]:
    """Return the values that there are: what nobody counted or named is not said."""
    return {name: value for name, value in values.items() if value is not None}


def no_reset(dialect: str) -> CallerError:
    """Return the error for a `Reset` in a format that cannot take back what it said."""
    return CallerError(f"{dialect} cannot take back what was said: let the request not restart after content")


def error_of(reply: Reply) -> tuple[str, str, str | None, int]:
    """Return what ended the reply: the words, their kind, a code if there is one, and an HTTP status."""
    error = reply.error
    if isinstance(error, ProviderError):
        return error.message, error.type or "api_error", error.code, error.status or 500
    return str(error), "api_error", None, 500
