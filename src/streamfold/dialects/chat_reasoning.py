"""Reasoning in OpenAI chat, for which OpenAI has no field: every provider has its own, and some have two at once.

The words, in a delta or a message; the comments at `_WORDS` and `_SEALED` say whose they are::

    {"reasoning_content":"Hm"}
    {"reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","signature":"x","index":0}]}
    {"reasoning_content":"Hm","thinking_blocks":[{"type":"thinking","thinking":"Hm","signature":"x"}]}
    {"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}],"signature":"x"}]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..events import Details, ReasoningDelta
from ..folding.deltas import Delta
from ..reply.parts import ReasoningPart
from .fields import objects, text, word

_WORDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
"""DeepSeek, vLLM, xAI (Envoy's AI gateway: an object) | OpenRouter, Groq, Ollama | Copilot | Mistral, a list."""

_SEALED = ("reasoning_details", "thinking_blocks", "reasoning_content")
"""What may bring signatures and encrypted reasoning: OpenRouter's, LiteLLM's, and that of Envoy's AI gateway."""


def read_reasoning(delta: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    """Append the reasoning in a delta of the choice `index`, with the seals on it."""
    if words := _words(delta):
        deltas.append(ReasoningDelta(words, index))
    details = [detail for detail in objects(delta.get("reasoning_details")) if "type" in detail]
    if details:
        deltas.append(Details(ReasoningPart, {"details": details}, index))
    for name in _SEALED:
        if name in delta:
            _read_seals(delta[name], index, deltas)


def read_thinking(part: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    """Append the reasoning in a part of a message's content (Mistral)."""
    if words := _words(part):
        deltas.append(ReasoningDelta(words, index))
    if signature := word(part.get("signature")):
        deltas.append(Details(ReasoningPart, {"signature": signature}, index))


def _words(delta: Mapping[str, Any]) -> str:
    for name in _WORDS:
        value = delta.get(name)
        if isinstance(value, str) and value:
            return value
        if value and (joined := "".join([text(part.get("text")) for part in _listed(value)])):
            return joined
    if "reasoning_details" not in delta and "thinking_blocks" not in delta:
        return ""
    # OpenRouter, Snowflake; LiteLLM
    pieces = [text(d.get("text")) or text(d.get("summary")) for d in objects(delta.get("reasoning_details"))]
    return "".join(pieces) or "".join([text(block.get("thinking")) for block in objects(delta.get("thinking_blocks"))])


def _read_seals(value: Any, index: int, deltas: list[Delta]) -> None:
    for one in _listed(value):
        redacted = word(one.get("data")) or word(one.get("redactedContent"))
        seals = {"signature": word(one.get("signature")), "redacted": redacted}
        if any(seals.values()):
            deltas.append(Details(ReasoningPart, {name: seal for name, seal in seals.items() if seal}, index))


def _listed(value: Any) -> Iterator[Mapping[str, Any]]:
    return objects([value] if isinstance(value, Mapping) else value)
