r"""Cloudflare's Workers AI: ``env.AI.run(model, {stream: true})``. Newer models of it speak OpenAI chat.

The wire, over server-sent events (``p`` is padding, against guesses from the length)::

    data: {"response":"Hel","p":"abc"}
    data: {"response":"lo","p":"abcdef"}
    data: {"tool_calls":[{"name":"f","arguments":{"a":1}}],"p":"a"}
    data: {"response":"","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}
    data: [DONE]

``[DONE]`` ends the stream; no reason is given. A tool call comes whole, or in pieces as in OpenAI's chat. What is not
streamed is such an object, as the ``result`` of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..events import TextDelta
from ..folding.deltas import END, Delta
from .fields import get, objects, text
from .json_dialect import JSONDialect
from .openai_chat import tool_call, usage_of
from .provider_errors import find_error, provider_error


class _PlainEvent(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    response: str
    p: str = ""


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_FIELDS = {"response", "tool_calls", "usage", "p"}


class WorkersAI(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "workers_ai"

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        whole = value.get("result")
        if isinstance(whole, Mapping) and "success" in value:
            return cls.recognises(whole, event)
        says = isinstance(value.get("response"), str) or isinstance(value.get("tool_calls"), list)
        return says and value.keys() <= _FIELDS

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that an event consists of."""
        return _decode_plain(data).response or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a reply that was not streamed, says to `deltas`."""
        whole = value.get("result")
        said = whole if isinstance(whole, Mapping) else value
        if words := text(said.get("response")):
            deltas.append(TextDelta(words))
        for call in objects(said.get("tool_calls")):
            piece = tool_call(call, call.get("function") or call, 0)
            piece.ended = isinstance(get(call, "arguments"), Mapping)
            deltas.append(piece)
        if isinstance(usage := said.get("usage"), Mapping):
            deltas.append(usage_of(usage))
        if whole is not None:
            deltas.append(END)
        elif error := find_error(value):
            deltas.append(provider_error(error, value))
