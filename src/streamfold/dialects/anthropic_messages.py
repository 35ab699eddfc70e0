"""Anthropic messages, as spoken by Anthropic, Google Vertex, Amazon Bedrock and many gateways.

The wire, over server-sent events (each also says its ``type`` as ``event:``) or as bare JSON lines::

    data: {"type":"message_start","message":{"id":"m1","model":"m","content":[],"usage":{"input_tokens":9}}}
    data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
    data: {"type":"ping"}
    data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}
    data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}
    data: {"type":"content_block_stop","index":0}
    data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}
    data: {"type":"message_stop"}

A block of the reply becomes a part of its own. Text, thinking and the input of tools come in pieces, which are read
typed; all other blocks come whole, in their ``content_block_start`` or in a reply that was not streamed. What the
provider's own tools gave, and what there is no part for (compaction, fallback, an upload), is kept as it came.

Not every sender keeps to the specification (https://platform.claude.com/docs/en/build-with-claude/streaming):

- A gateway says ``message_start`` twice, or splices a second attempt into the stream (vercel/ai 18331). Nothing that
  was said can be unsaid, so both stay, and the reply has an anomaly.
- A start brings the input of a tool whole, with or without pieces after it; llama.cpp's brings none at all.
- The content of a reply that goes on after a tool of the provider's may already be in its ``message_start``.
- A block that the length limit cuts may be stopped like any other, so a tool that got no input by then is only known to
  have none when the stop reason comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import Details, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import END, Anomaly, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, ServerToolResult, TextPart
from ..reply.usage import Usage
from .fields import count, dumped, get, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _TextDelta(msgspec.Struct, gc=False, tag_field="type", tag="text_delta"):
    text: str


class _ThinkingDelta(msgspec.Struct, gc=False, tag_field="type", tag="thinking_delta"):
    thinking: str


class _InputDelta(msgspec.Struct, gc=False, tag_field="type", tag="input_json_delta"):
    partial_json: str


class _PlainEvent(msgspec.Struct, gc=False):
    type: Literal["content_block_delta"]
    delta: _TextDelta | _ThinkingDelta | _InputDelta
    index: int | None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

# Later events are unmistakable too, should a stream be read from its middle.
_EVENTS = {
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop"),
}

# A paused turn (`pause_turn`, `compaction`) is complete as a reply: what it waits for is the next request. Beside
# Anthropic's own words: Bedrock (guardrail_intervened, content_filtered), gateways (content_filter, sensitive, error).
_VERDICTS = {
    "max_tokens": Verdict.LENGTH,
    "model_context_window_exceeded": Verdict.LENGTH,
    "length": Verdict.LENGTH,
    "tool_use": Verdict.TOOL_CALLS,
    "refusal": Verdict.REFUSED,
    "guardrail_intervened": Verdict.FILTERED,
    "content_filtered": Verdict.FILTERED,
    "content_filter": Verdict.FILTERED,
    "sensitive": Verdict.FILTERED,
    "error": Verdict.ERRORED,
}


class AnthropicMessages(JSONDialect):
    """Turn the frames of one Anthropic message stream into deltas."""

    NAME = "anthropic_messages"

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._argued: set[int | None] = set()  # open blocks of tools that got a piece of their input
        self._whole: dict[int | None, str] = {}  # input that a start brought, until a piece of it comes or the end

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = value.get("type")
        if kind == "message":
            return isinstance(value.get("content"), list) and "role" in value
        return isinstance(kind, str) and kind in _EVENTS

    def plain(self, data: bytes) -> Delta | None:
        """Return the piece of text, thinking or input that `data` is, if it is one."""
        event = _decode_plain(data)
        delta = event.delta
        if isinstance(delta, _TextDelta):
            return delta.text or None
        if isinstance(delta, _ThinkingDelta):
            return ReasoningDelta(delta.thinking) if delta.thinking else None
        index = event.index if event.index is not None and event.index >= 0 else None
        return self._input(index, delta.partial_json)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a reply that was not streamed, says to `deltas`."""
        index = count(value.get("index"))
        match value.get("type"):
            case "message_start":
                self._start_message(value.get("message"), deltas)
            case "content_block_start":
                self._start_block(index, value.get("content_block"), deltas)
            case "content_block_delta":
                self._read_delta(index, value.get("delta"), deltas)
            case "content_block_stop":
                self._stop_block(index, deltas)
            case "message_delta":
                self._read_end(value.get("delta"), value.get("usage"), deltas)
            case "message_stop":
                deltas.append(END)
            case "message":
                self._read_message(value, deltas)
                deltas.append(END)
            case kind if kind is None or str(kind).endswith("error"):
                if error := find_error(value):
                    deltas.append(provider_error(error, value))

    def _start_message(self, message: Any, deltas: list[Delta]) -> None:
        if self._started:
            deltas.append(Anomaly("a message began before the one before it had ended"))
            self._argued.clear()
            self._whole.clear()
        self._started = True
        if isinstance(message, Mapping):
            self._read_message(message, deltas)

    def _read_message(self, message: Mapping[str, Any], deltas: list[Delta]) -> None:
        deltas.append(Identity(word(message.get("id")), word(message.get("model"))))
        for index, block in enumerate(objects(message.get("content"))):
            self._start_block(index, block, deltas)
            self._stop_block(index, deltas)
        self._read_end(message, message.get("usage"), deltas)

    def _start_block(self, index: int | None, block: Any, deltas: list[Delta]) -> None:
        if not isinstance(block, Mapping):
            return
        kind = text(block.get("type"))
        if kind == "text":
            deltas.append(PartStart(TextPart))
            _read_text(block, deltas)
        elif kind == "thinking":
            deltas.append(PartStart(ReasoningPart))
            _read_thinking(block, deltas)
        elif kind == "redacted_thinking":
            deltas.append(WholePart(ReasoningPart("", redacted=word(block.get("data")))))
        elif kind.endswith("tool_use"):  # also server_tool_use and mcp_tool_use, which the provider executes
            self._start_call(index, block, kind != "tool_use", deltas)
        elif kind != "compaction" or block.get("content") is not None:  # its content comes in a delta
            deltas.append(_kept(block))

    def _start_call(self, index: int | None, block: Mapping[str, Any], server: bool, deltas: list[Delta]) -> None:
        self._argued.discard(index)
        self._whole.pop(index, None)
        id, name, of = word(block.get("id")), word(block.get("name")), word(block.get("server_name"))
        deltas.append(ToolCallPiece(index, id, name, server=server, server_name=of))
        if block.get("input"):
            self._whole[index] = dumped(block["input"])

    def _read_delta(self, index: int | None, delta: Any, deltas: list[Delta]) -> None:
        match get(delta, "type"):
            case "text_delta" | "citations_delta":
                _read_text(delta, deltas)
            case "thinking_delta" | "signature_delta":
                _read_thinking(delta, deltas)
            case "input_json_delta":
                if piece := self._input(index, text(delta.get("partial_json"))):
                    deltas.append(piece)
            case "compaction_delta":
                deltas.append(_kept({**delta, "type": "compaction"}))

    def _input(self, index: int | None, arguments: str) -> ToolCallPiece | None:
        if not arguments:
            return None
        self._argued.add(index)
        return ToolCallPiece(index, arguments=arguments)

    def _stop_block(self, index: int | None, deltas: list[Delta]) -> None:
        whole = self._whole.pop(index, None)
        if index in self._argued:
            self._argued.remove(index)
            deltas.append(ToolCallPiece(index, ended=True))
        elif whole is not None:
            deltas.append(ToolCallPiece(index, arguments=whole, ended=True))

    def _read_end(self, delta: Any, usage: Any, deltas: list[Delta]) -> None:
        if isinstance(usage, Mapping):
            deltas.append(_usage(usage))
        if reason := word(get(delta, "stop_reason")):
            for index in list(self._whole):
                self._stop_block(index, deltas)
            deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason.lower(), Verdict.COMPLETE)))
            if explanation := word(get(delta, "stop_details", "explanation")):
                deltas.append(Anomaly(f"the model ended with {reason}: {explanation}"))


def _read_text(block: Mapping[str, Any], deltas: list[Delta]) -> None:
    """Read a block of text, or a delta of one: they say the same things."""
    if words := text(block.get("text")):
        deltas.append(TextDelta(words))
    citations = [*objects(block.get("citations")), *objects([block.get("citation")])]
    if citations:
        deltas.append(Details(TextPart, {"citations": citations}))


def _read_thinking(block: Mapping[str, Any], deltas: list[Delta]) -> None:
    """Read a block of thinking, or a delta of one. Its words may be withheld: it then has a signature alone."""
    if words := text(block.get("thinking")):
        deltas.append(ReasoningDelta(words))
    if signature := word(block.get("signature")):
        deltas.append(Details(ReasoningPart, {"signature": signature}))


def _kept(block: Mapping[str, Any]) -> WholePart:
    return WholePart(ServerToolResult(word(block.get("tool_use_id")), word(block.get("type")) or "", block))


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cached_tokens=count(usage.get("cache_read_input_tokens")),
        reasoning_tokens=count(get(usage, "output_tokens_details", "thinking_tokens")),
        raw=usage,
    )
