"""Take fields out of what Google sends: protocol buffers as JSON (ProtoJSON), where names and numbers vary."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..reply.parts import MediaPart
from .fields import word

_URL_SAFE = str.maketrans("-_", "+/")


def either(value: Mapping[str, Any], name: str) -> Any:
    """Return what is called `name`, which is camelCase on the wire and snake_case in the client's objects."""
    found = value.get(name)
    return value.get(_snake_case(name)) if found is None else found


@cache
def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def media(blob: Mapping[str, Any]) -> MediaPart | None:
    """Return the image or the sound in `blob`: base64 of either alphabet, or the bytes of a client's object."""
    data = blob.get("data")
    if isinstance(data, str):
        try:
            data = b64decode(data.translate(_URL_SAFE) + "=" * (-len(data) % 4))
        except ValueError:
            return None
    return MediaPart(word(either(blob, "mimeType")) or "", data) if isinstance(data, bytes) else None
