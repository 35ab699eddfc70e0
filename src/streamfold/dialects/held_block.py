"""A block of Amazon Bedrock's Converse API that is handed on when it is whole: a tool's result, an image, a sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..reply.parts import MediaPart, ServerToolResult
from .fields import blob, get, objects, word

MEDIA = ("image", "audio", "video")
"""The kinds that are bytes of some format; the other kind is ``toolResult``."""


@dataclass(slots=True)
class HeldBlock:
    """An open block.

    Attributes:
        kind: Its name in the API.
        start: What its start said of it.
    """

    kind: str
    start: Mapping[str, Any]
    _content: list[Any] = field(default_factory=list)
    _data: bytearray = field(default_factory=bytearray)

    def add(self, piece: Any) -> str | None:
        """Take a piece in, or the whole block of a reply that was not streamed; return the error that it tells of."""
        if self.kind not in MEDIA:
            self._content += objects(piece if isinstance(piece, list) else get(piece, "content"))
            return None
        self._data += blob(get(piece, "source", "bytes")) or b""
        return word(get(piece, "error", "message"))

    def freeze(self) -> ServerToolResult | MediaPart | None:
        """Return the part that it is; ``None`` if it has no bytes."""
        if self.kind in MEDIA:
            media_type = f"{self.kind}/{word(self.start.get('format')) or '*'}"
            return MediaPart(media_type, bytes(self._data)) if self._data else None
        name = word(self.start.get("type")) or self.kind
        return ServerToolResult(word(self.start.get("toolUseId")), name, {**self.start, "content": self._content})
