"""Read LangChain's message chunks, which have a form of their own whatever provider is behind them.

What counts, one chunk a line::

    AIMessageChunk(content="Hel", id="run-1", response_metadata={"model_name": "m"})
    AIMessageChunk(content=[{"type": "thinking", "thinking": "Hm", "index": 0}])
    AIMessageChunk(content="", additional_kwargs={"reasoning_content": "Hm"})
    AIMessageChunk(content="", tool_call_chunks=[{"index": 0, "id": "c1", "name": "f", "args": "{}"}])
    AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
    AIMessageChunk(content="", usage_metadata={"input_tokens": 9, "output_tokens": 2, "total_tokens": 11})
    AIMessageChunk(content="", chunk_position="last")

LangChain adds chunks up, so their usage is to be added too, where a provider's own reports replace each other. Its
finish reasons are the provider's words, under each provider's name for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialects.fields import count, get, objects, text, word
from ..dialects.json_dialect import JSONDialect
from ..dialects.openai_chat import VERDICTS
from ..events import Details, ReasoningDelta, RefusalDelta, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, TextPart
from ..reply.usage import Usage

_FIELDS = (
    "id",
    "content",
    "additional_kwargs",
    "tool_call_chunks",
    "response_metadata",
    "usage_metadata",
    "chunk_position",
)
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_COUNTS = {
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "total_tokens": ("total_tokens",),
    "cached_tokens": ("input_token_details", "cache_read"),
    "reasoning_tokens": ("output_token_details", "reasoning"),
}


def message_of(chunk: Any) -> Mapping[str, Any]:
    """Return what is read of a message chunk, as a mapping."""
    return {"type": "AIMessageChunk", **{name: getattr(chunk, name, None) for name in _FIELDS}}


class LangChain(JSONDialect):
    """Turn LangChain's message chunks into deltas."""

    NAME = "langchain"

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether `value` was a message chunk."""
        return value.get("type") == "AIMessageChunk"

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a message chunk says to `deltas`."""
        metadata = value.get("response_metadata")
        model = word(get(metadata, "model_name")) or word(get(metadata, "model"))
        deltas.append(Identity(word(value.get("id")), model))
        for name in ("reasoning_content", "refusal"):
            if words := text(get(value, "additional_kwargs", name)):
                deltas.append(RefusalDelta(words) if name == "refusal" else ReasoningDelta(words))
        content = value.get("content")
        for block in content if isinstance(content, list) else (content,):
            _read_block(block, deltas)
        for call in objects(value.get("tool_call_chunks")):
            args = text(call.get("args")) or None
            deltas.append(ToolCallPiece(count(call.get("index")), word(call.get("id")), word(call.get("name")), args))
        if isinstance(usage := value.get("usage_metadata"), Mapping):
            deltas.append(self._add(usage))
        for reason in filter(None, (word(get(metadata, name)) for name in _REASONS)):
            deltas.append(ChoiceEnd(reason, VERDICTS.get(reason.lower(), Verdict.COMPLETE)))
        if value.get("chunk_position") == "last":
            deltas.append(END)

    def _add(self, usage: Mapping[str, Any]) -> Usage:
        for name, path in _COUNTS.items():
            if (n := count(get(usage, *path))) is not None:
                self._usage[name] = self._usage.get(name, 0) + n
        return Usage(**self._usage, raw=usage)


def _read_block(block: Any, deltas: list[Delta]) -> None:
    """Read one block of content, in LangChain's own form or the provider's; but no calls, which it also says apart."""
    if isinstance(block, str) and block:
        deltas.append(TextDelta(block))
    elif isinstance(block, Mapping):
        words = text(block.get("text"))
        if block.get("type") in ("text", "output_text", None) and words:
            deltas.append(TextDelta(words))
        if citations := [*objects(block.get("citations")), *objects(block.get("annotations"))]:
            deltas.append(Details(TextPart, {"citations": citations}))
        _read_reasoning(block, deltas)


def _read_reasoning(block: Mapping[str, Any], deltas: list[Delta]) -> None:
    thoughts = [block.get("thinking"), block.get("reasoning"), get(block, "reasoning_content", "text")]
    thoughts += [part.get("text") for part in objects(block.get("summary"))]
    for thought in filter(None, map(text, thoughts)):
        deltas.append(ReasoningDelta(thought))
    if signature := word(block.get("signature")) or word(get(block, "extras", "signature")):
        deltas.append(Details(ReasoningPart, {"signature": signature}))
    if block.get("type") == "redacted_thinking":
        deltas.append(WholePart(ReasoningPart("", redacted=word(block.get("data")))))
