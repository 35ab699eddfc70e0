r"""Ollama's native generate: a prompt's completion.

The wire, as newline-delimited JSON::

    {"model":"m","created_at":"2026-01-01T00:00:00Z","response":"","thinking":"Hm","done":false}
    {"model":"m","created_at":"2026-01-01T00:00:00Z","response":"Hel","done":false}
    {"model":"m","created_at":"2026-01-01T00:00:00Z","response":"lo","done":false}
    {"model":"m","created_at":"2026-01-01T00:00:00Z","response":"","done":true,"done_reason":"stop","context":[1,2,3],
     "total_duration":10706818083,"prompt_eval_count":26,"eval_count":259,"eval_duration":4232710000}

It differs from `ollama_chat` only in where the words are. A model that draws counts its steps (``completed`` of
``total``) and gives its ``image`` at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..folding.deltas import Delta
from .ollama_chat import OllamaChat, plain_words, read_image


class _PlainLine(msgspec.Struct, gc=False):
    response: str
    done: bool
    thinking: str | None = None
    tool_calls: None = None
    image: None = None
    logprobs: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainLine).decode


class OllamaGenerate(OllamaChat):
    """Turn the frames of one stream into deltas."""

    NAME = "ollama_generate"

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        says = isinstance(value.get("response"), str) or "image" in value or "completed" in value
        return says and "message" not in value and isinstance(value.get("done"), bool)

    def plain(self, data: bytes) -> Delta | None:
        """Return the words that a plain line consists of."""
        line = _decode_plain(data)
        if line.done:
            raise ValueError
        return plain_words(line.response, line.thinking)

    def read(self, line: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a line says to `deltas`."""
        self.identify(line, deltas)
        self.read_words(line.get("response"), line.get("thinking"), deltas)
        read_image(line.get("image"), deltas)
        self.read_calls(line.get("tool_calls"), deltas)
        self.read_end(line, "response" in line, deltas)
