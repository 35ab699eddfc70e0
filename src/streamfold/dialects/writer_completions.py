"""Text completions of Writer: ``POST /v1/completions``. Its chat speaks OpenAI chat.

The wire, over server-sent events::

    data: {"value":"Hel"}
    data: {"value":"lo"}
    data: {"value":"!"}

Strategy: a chunk is a piece of text and nothing else. Neither a reason nor a marker ends the stream, so by its bytes
alone a whole one cannot be told from one that broke off, and it counts as truncated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..events import TextDelta
from ..folding.deltas import END, Delta, Identity
from .fields import objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _Chunk(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    value: str


_decode_plain = msgspec.json.Decoder(_Chunk).decode


class WriterCompletions(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "writer_completions"

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return value.keys() == {"value"} and isinstance(value["value"], str)

    def plain(self, data: bytes) -> Delta | None:
        """Return the text of a chunk."""
        return _decode_plain(data).value or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`, or a reply that was not streamed."""
        if words := text(value.get("value")):
            deltas.append(TextDelta(words))
        choices = list(objects(value.get("choices")))
        for index, choice in enumerate(choices):
            deltas.append(TextDelta(text(choice.get("text")), index))
        if choices:
            deltas.extend((Identity(model=word(value.get("model"))), END))
        if error := find_error(value):
            deltas.append(provider_error(error, value))
