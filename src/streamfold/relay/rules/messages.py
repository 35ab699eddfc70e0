"""Content types, and the JSON mode: how a body becomes records and records become a body (Durable Streams 9).

A record of a JSON stream is one value, kept as the bytes that came; of any other stream, one body.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import NoReturn

import msgspec

from ..errors import BadRequestError

DEFAULT_TYPE = "application/octet-stream"
_values = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)


def media_type(content_type: str) -> str:
    """Return the type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def is_json(content_type: str) -> bool:
    """Tell whether a stream of this type keeps the borders of its messages."""
    return media_type(content_type) == "application/json"


@lru_cache(maxsize=256)
def is_text(content_type: str) -> bool:
    """Tell whether a stream of this type can be sent as it is in server-sent events."""
    return is_json(content_type) or media_type(content_type).startswith("text/")


def split(body: bytes, content_type: str) -> list[bytes]:
    """Return the records of a body: the elements of a JSON array (one level), else the body itself.

    Raises:
        BadRequestError: It is not JSON, and should be.
    """
    if not is_json(content_type):
        return [body] if body else []
    try:
        body.decode()
        text = body.strip(b" \t\r\n")
        values = _values.decode(text) if text.startswith(b"[") else [_value.decode(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _split_with_surrogates(body)
    return [bytes(value) for value in values]


def _split_with_surrogates(body: bytes) -> list[bytes]:
    """Do the same where msgspec gives up: it takes no lone surrogate in an escape, which JSON allows (RFC 8259 8.2)."""
    try:
        value = json.loads(body.decode(), parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error
    return [json.dumps(item).encode() for item in (value if isinstance(value, list) else [value])]


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def join(records: Sequence[bytes], content_type: str) -> bytes:
    """Return the body for some records: a JSON array of them, else their bytes one after another."""
    if is_json(content_type):
        return b"[" + b",".join(records) + b"]"
    return b"".join(records)


def whole_characters(text: bytes) -> bool:
    """Tell whether UTF-8 does not end within a character; what is no UTF-8 at all does not."""
    for back in range(1, min(3, len(text)) + 1):
        byte = text[-back]
        if byte & 0xC0 != 0x80:  # not a continuation: the start of the last character
            need = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            return need <= back
    return True
