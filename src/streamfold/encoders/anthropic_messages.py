"""Write Anthropic messages; `dialects/anthropic_messages.py` shows the wire.

Words and calls of tools become blocks, one after the other: a block ends where another begins. Should a call go on
after that, its pieces still name its block. What was counted is known at the end, so ``message_start`` counts nothing
and ``message_delta`` everything. A refusal in words is text, a plan is thinking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..events import (
    Details,
    Event,
    PartBreak,
    PartEnd,
    PartStart,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    Reset,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..reply import Reply, Verdict
from ..reply.parts import Part, ReasoningPart, ServerToolCall, ServerToolResult, TextPart
from ..reply.usage import Usage
from .frames import error_of, named_sse, no_reset, said
from .tool_calls import SaidCalls

REASONS = {
    Verdict.COMPLETE: "end_turn",
    Verdict.STOPPED: "stop_sequence",
    Verdict.LENGTH: "max_tokens",
    Verdict.TOOL_CALLS: "tool_use",
    Verdict.FILTERED: "content_filtered",  # Bedrock's word: Anthropic's own API has none
    Verdict.REFUSED: "refusal",
}

_Kind = type[TextPart] | type[ReasoningPart]
_EMPTY: dict[_Kind, dict[str, Any]] = {
    TextPart: {"type": "text", "text": ""},
    ReasoningPart: {"type": "thinking", "thinking": "", "signature": ""},
}


class AnthropicMessagesEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    HEADERS: ClassVar[dict[str, str]] = {}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        self._message: dict[str, Any] = {
            "id": id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": model or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        self._begun = False
        self._n_blocks = 0
        self._open: int | None = None  # the block that has not ended
        self._words: dict[_Kind, int] = {}  # the latest block of each kind
        self._fresh: set[_Kind] = set()  # the kinds of which a new part was announced
        self._call_blocks: dict[int, int] = {}
        self._calls = SaidCalls()

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`."""
        if isinstance(event, str):
            event = TextDelta(event)
        if getattr(event, "choice", 0):
            return b""
        said_now = self._say(event)
        if said_now and not self._begun:
            self._begun = True
            said_now = named_sse({"type": "message_start", "message": self._message}) + said_now
        return said_now

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta() | RefusalDelta():
                return self._say_words(TextPart, {"type": "text_delta", "text": event.text})
            case ReasoningDelta() | PlanDelta():
                return self._say_words(ReasoningPart, {"type": "thinking_delta", "thinking": event.text})
            case ToolCallStart() | ToolCallDelta() | ToolCallEnd():
                return self._call(event)
            case PartStart() | PartBreak():
                return self._part(event)
            case Details():
                return self._details(event)
            case PartEnd():
                return self._whole(event.part)
            case StreamEnd():
                return self._end(event.reply)
            case Reset():
                raise no_reset("anthropic_messages")

    def _start(self, block: Mapping[str, Any]) -> bytes:
        ended = self._stop()
        self._open = self._n_blocks
        self._n_blocks += 1
        return ended + named_sse({"type": "content_block_start", "index": self._open, "content_block": block})

    def _stop(self) -> bytes:
        if self._open is None:
            return b""
        index, self._open = self._open, None
        return named_sse({"type": "content_block_stop", "index": index})

    def _delta(self, index: int, delta: Mapping[str, Any]) -> bytes:
        return named_sse({"type": "content_block_delta", "index": index, "delta": delta})

    def _block_of(self, kind: _Kind) -> bytes:
        """Begin a block of `kind` unless one is open."""
        if self._open is not None and self._words.get(kind) == self._open:
            return b""
        started = self._start(_EMPTY[kind])
        self._words[kind] = self._n_blocks - 1
        self._fresh.discard(kind)
        return started

    def _say_words(self, kind: _Kind, delta: Mapping[str, Any]) -> bytes:
        return self._block_of(kind) + self._delta(self._n_blocks - 1, delta)

    def _part(self, event: PartStart | PartBreak) -> bytes:
        kind: _Kind = ReasoningPart if event.kind is ReasoningPart else TextPart
        if isinstance(event, PartStart):
            self._fresh.add(kind)
        return self._stop() if self._open is not None and self._words.get(kind) == self._open else b""

    def _details(self, event: Details) -> bytes:
        """Say the seals and citations of the latest block of their kind, or of one that begins with them."""
        values = event.values
        deltas: list[dict[str, Any]] = []
        if event.kind is TextPart:
            citations = [one for one in values.get("citations", ()) if _is_citation(one)]
            deltas = [{"type": "citations_delta", "citation": one} for one in citations]
        elif values.get("redacted"):
            return self._start({"type": "redacted_thinking", "data": values["redacted"]}) + self._stop()
        elif values.get("signature"):
            deltas = [{"type": "signature_delta", "signature": values["signature"]}]
        if not deltas:
            return b""
        kind: _Kind = TextPart if event.kind is TextPart else ReasoningPart
        started = b"" if kind in self._words and kind not in self._fresh else self._block_of(kind)
        return started + b"".join([self._delta(self._words[kind], delta) for delta in deltas])

    def _call(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> bytes:
        step = self._calls.feed(event)
        place = step.call.place
        out = b""
        if step.starts:
            out = self._start({"type": "tool_use", "id": step.call.id, "name": step.call.name, "input": {}})
            self._call_blocks[place] = self._n_blocks - 1
        if step.arguments:
            delta = {"type": "input_json_delta", "partial_json": step.arguments}
            out += self._delta(self._call_blocks[place], delta)
        if step.end and self._open == self._call_blocks[place]:
            out += self._stop()
        return out

    def _whole(self, part: Part) -> bytes:
        if isinstance(part, ReasoningPart) and part.redacted:
            return self._start({"type": "redacted_thinking", "data": part.redacted}) + self._stop()
        if isinstance(part, ServerToolCall):
            start = self._start({"type": "server_tool_use", "id": part.id or "", "name": part.name, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": part.arguments}
            return start + (self._delta(self._n_blocks - 1, delta) if part.arguments else b"") + self._stop()
        content = part.content if isinstance(part, ServerToolResult) and part.name else None
        if isinstance(content, Mapping) and content.get("type") == getattr(part, "name", None):
            return self._start(content) + self._stop()  # a block of Anthropic's own, kept as it came
        return b""

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict is Verdict.ERRORED:
            message, kind, _, _ = error_of(reply)
            return self._stop() + named_sse({"type": "error", "error": {"type": kind, "message": message}})
        reason = REASONS.get(reply.verdict or Verdict.TRUNCATED)
        if reason is None:
            return b""
        if reply.dialect == "anthropic_messages" and reply.finish_reason and reply.verdict is not Verdict.STOPPED:
            reason = reply.finish_reason
        delta = {"stop_reason": reason, "stop_sequence": reply.stop.string if reply.stop else None}
        end = named_sse({"type": "message_delta", "delta": delta, "usage": _usage(reply.usage)})
        return self._stop() + end + named_sse({"type": "message_stop"})


def _is_citation(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("type")).endswith("_location")


def _usage(usage: Usage) -> dict[str, Any]:
    reasoning = usage.reasoning_tokens
    return said(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_input_tokens=usage.cached_tokens,
        output_tokens_details=None if reasoning is None else {"thinking_tokens": reasoning},
    )
