"""Take fields out of decoded JSON that comes from outside, where nothing is sure to be there or of its type."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..folding.surrogates import replace_surrogates
from ..reply.parts import MediaPart


def get(value: Any, *path: str) -> Any:
    """Return what lies at `path` in nested objects; ``None`` if there is nothing."""
    for name in path:
        value = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None  # nearly always a dict
    return value


def count(value: Any) -> int | None:
    """Return `value` if it is a number of things; some write it as ``69.0`` (Cohere)."""
    if type(value) is int:  # nearly always
        return value if value >= 0 else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def word(value: Any) -> str | None:
    """Return `value` if it is a str that says something, as valid Unicode."""
    return replace_surrogates(value) if isinstance(value, str) and value else None


def text(value: Any) -> str:
    """Return `value` if it is a str, else ``""``. It may hold half a surrogate pair, which the fold joins."""
    return value if isinstance(value, str) else ""


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in `value` if it is a list."""
    if not isinstance(value, list):
        return iter(())
    return (item for item in value if type(item) is dict or isinstance(item, Mapping))


def dumped(arguments: Any) -> str:
    """Return `arguments` as JSON text, where a provider sends the arguments of a tool as an object."""
    try:
        return json.dumps(arguments, ensure_ascii=False, default=repr)
    except (RecursionError, TypeError, ValueError) as error:
        return f"<{error}>"  # is not JSON, so the call never counts as complete


def media(url: Any) -> MediaPart | None:
    """Return what a ``data:`` URL in base64 holds (RFC 2397), if `url` is one."""
    head, comma, data = text(url).partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    content = blob(data)
    return None if content is None else MediaPart(head.removeprefix("data:").partition(";")[0], content)


def joined_blob(pieces: Sequence[str]) -> bytes:
    """Return the bytes in base64 that came in pieces: each is whole in itself, or all of them together are."""
    found = [blob(piece) for piece in pieces]
    return (blob("".join(pieces)) or b"") if None in found else b"".join(filter(None, found))


def blob(value: Any) -> bytes | None:
    """Return the bytes in `value` if it is base64, or bytes that an SDK has already decoded."""
    if isinstance(value, bytes):
        return value
    try:
        return binascii.a2b_base64(value) if isinstance(value, str) else None
    except ValueError:  # binascii's own is one, and so is that of a str that is not ASCII
        return None
