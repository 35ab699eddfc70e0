r"""Anthropic's legacy text completions, up to Claude 2.1.

The wire, over server-sent events (``event: completion``); on Bedrock the same objects, some without a ``type``::

    data: {"type":"completion","id":"c1","completion":" Hel","stop_reason":null,"model":"claude-2.1","stop":null}
    data: {"type":"ping"}
    data: {"type":"completion","id":"c1","completion":"lo","stop_reason":null,"model":"claude-2.1","stop":null}
    data: {"type":"completion","id":"c1","completion":"","stop_reason":"stop_sequence","stop":"\n\nHuman:"}

Every event has a piece of the text, the last one the stop reason too; nothing follows it. A reply that was not streamed
is one such object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity
from ..reply import Verdict
from .fields import text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainEvent(msgspec.Struct, gc=False):
    completion: str
    stop_reason: None
    type: Literal["completion"] = "completion"


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_VERDICTS = {"max_tokens": Verdict.LENGTH}  # the other reason is "stop_sequence", for the model's own end too


class AnthropicComplete(JSONDialect):
    """Turn the frames of one Anthropic text completion into deltas."""

    NAME = "anthropic_complete"

    def __init__(self) -> None:
        super().__init__()
        self._named = False

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return isinstance(value.get("completion"), str) and "stop_reason" in value

    def plain(self, data: bytes) -> Delta | None:
        """Return the piece of text that `data` is, once it is known who answers."""
        if not self._named:
            raise ValueError
        return _decode_plain(data).completion or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event says to `deltas`."""
        if not self._named:
            deltas.append(Identity(word(value.get("id")), word(value.get("model"))))
            self._named = "completion" in value
        if words := text(value.get("completion")):
            deltas.append(TextDelta(words))
        elif error := find_error(value):
            deltas.append(provider_error(error, value))
        if reason := word(value.get("stop_reason")):
            deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason, Verdict.COMPLETE)))
            deltas.append(END)
