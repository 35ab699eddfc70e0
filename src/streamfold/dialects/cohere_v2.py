r"""Cohere's chat, version 2.

The wire, over server-sent events whose type is also in the data::

    data: {"id":"r1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":""}}}
    data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}
    data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}
    data: {"type":"content-end","index":0}
    data: {"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Hello"}}}}
    data: {"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":5,"sources":[]}}}}
    data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}
    data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c","function":{"name":"f"}}}}}
    data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}
    data: {"type":"tool-call-end","index":0}
    data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":9}}}}
    data: [DONE]

``message-end`` ends the stream; what follows it adds nothing. What the model says before it calls tools is the plan: a
field of the message beside its content, which Cohere wants back in the history, so it is a `PlanPart`. Tokens are
counted twice: those that the model saw (``tokens``), and those that are paid (``billed_units``), which stand in where
the first are not told. A message that is not streamed has all this in lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import Details, PartBreak, PlanDelta, ReasoningDelta, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, Logprobs, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, ServerToolResult, TextPart
from ..reply.usage import Usage
from .fields import count, dumped, get, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainContent(msgspec.Struct, gc=False):
    text: str = ""
    thinking: str = ""


class _PlainMessage(msgspec.Struct, gc=False):
    content: _PlainContent


class _PlainDelta(msgspec.Struct, gc=False):
    message: _PlainMessage


class _PlainEvent(msgspec.Struct, gc=False):
    type: Literal["content-delta"]
    delta: _PlainDelta
    logprobs: None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

VERDICTS = {
    "MAX_TOKENS": Verdict.LENGTH,
    "ERROR_LIMIT": Verdict.LENGTH,
    "TOOL_CALL": Verdict.TOOL_CALLS,
    "ERROR_TOXIC": Verdict.FILTERED,
    "USER_CANCEL": Verdict.CANCELLED,
    "TIMEOUT": Verdict.TRUNCATED,
    "ERROR": Verdict.ERRORED,
}
"""What a finish reason means, in version 2 and in version 1."""

_TYPES = {
    "message-start",
    "content-start",
    "content-delta",
    "content-end",
    "tool-plan-delta",
    "tool-call-start",
    "tool-call-delta",
    "tool-call-end",
    "citation-start",
    "citation-end",
    "message-end",
}


class CohereV2(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "cohere_v2"

    def __init__(self) -> None:
        super().__init__()
        self._said: type[TextPart] | type[ReasoningPart] | None = None  # what the open block of content is made of
        self._calls: set[int | None] = set()  # those that are open

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = value.get("type")
        return kind in _TYPES if isinstance(kind, str) else _is_whole(value)

    def plain(self, data: bytes) -> Delta | None:
        """Return the words that a plain event consists of."""
        content = _decode_plain(data).delta.message.content
        words, thinking = content.text, content.thinking
        if not thinking:
            if words:
                self._said = TextPart
            return words or None
        if words:
            raise ValueError
        self._said = ReasoningPart
        return ReasoningDelta(thinking)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event says to `deltas`."""
        kind = value.get("type")
        message = get(value, "delta", "message")
        message = message if isinstance(message, Mapping) else {}
        match kind:
            case "message-start" | "content-start" | "content-delta" | "tool-plan-delta" | "citation-start":
                self._read_message(value, message, deltas)
            case "tool-call-start" | "tool-call-delta":
                self._read_call(count(value.get("index")), message.get("tool_calls"), deltas)
            case "content-end":
                self._end_content(deltas)
            case "tool-call-end":
                self._end_call(count(value.get("index")), deltas)
            case "message-end":
                self._read_end(value.get("delta"), value, deltas)
            case _ if _is_whole(value):
                self._read_message(value, value["message"], deltas)
                self._read_end(value, value, deltas)
            case _ if error := find_error(value):
                deltas.append(provider_error(error, value))

    def _read_message(self, value: Mapping[str, Any], message: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Append what a message, or a piece of one, says."""
        if id := word(value.get("id")):
            deltas.append(Identity(id))
        if plan := text(message.get("tool_plan")):
            deltas.append(PlanDelta(plan))
        for content in _listed(message.get("content")):
            self._read_content(content, deltas)
            if isinstance(message.get("content"), list):
                self._end_content(deltas)
        for n, call in enumerate(_listed(message.get("tool_calls"))):
            self._read_call(n, call, deltas)
            self._end_call(n, deltas)
        citations = list(_listed(message.get("citations")))
        if citations:
            deltas.append(Details(TextPart, {"citations": citations}))
        if logprobs := list(_listed(value.get("logprobs"))):
            deltas.append(Logprobs(logprobs))

    def _read_content(self, content: Mapping[str, Any], deltas: list[Delta]) -> None:
        if thinking := text(content.get("thinking")):
            self._said = ReasoningPart
            deltas.append(ReasoningDelta(thinking))
        if words := text(content.get("text")):
            self._said = TextPart
            deltas.append(TextDelta(words))
        if content.get("type") not in ("text", "thinking", None):
            deltas.append(WholePart(ServerToolResult(None, str(word(content["type"])), content)))

    def _end_content(self, deltas: list[Delta]) -> None:
        if self._said is not None:
            deltas.append(PartBreak(self._said))
        self._said = None

    def _read_call(self, index: int | None, call: Any, deltas: list[Delta]) -> None:
        for one in _listed(call):
            arguments = get(one, "function", "arguments")
            if isinstance(arguments, Mapping):
                arguments = dumped(arguments)
            name = word(get(one, "function", "name"))
            deltas.append(ToolCallPiece(index, word(one.get("id")), name, text(arguments) or None))
            self._calls.add(index)

    def _end_call(self, index: int | None, deltas: list[Delta]) -> None:
        if index in self._calls:
            self._calls.discard(index)
            deltas.append(ToolCallPiece(index, ended=True))

    def _read_end(self, end: Any, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        read_end(get(end, "finish_reason"), get(end, "usage"), deltas)
        if error := get(end, "error"):
            deltas.append(provider_error(error, value))
        deltas.append(END)


def read_end(reason: Any, usage: Any, deltas: list[Delta]) -> None:
    """Append why the model stopped, and what was counted."""
    if isinstance(usage, Mapping):
        deltas.append(_usage(usage))
    if reason := word(reason):
        deltas.append(ChoiceEnd(reason, VERDICTS.get(reason, Verdict.COMPLETE)))


def _usage(usage: Mapping[str, Any]) -> Usage:
    tokens = usage.get("tokens") or usage.get("billed_units")
    return Usage(
        input_tokens=count(get(tokens, "input_tokens")),
        output_tokens=count(get(tokens, "output_tokens")),
        cached_tokens=count(usage.get("cached_tokens")),
        reasoning_tokens=count(get(tokens, "reasoning_tokens")),
        raw=usage,
    )


def _is_whole(value: Mapping[str, Any]) -> bool:
    """Tell whether `value` is a reply that was not streamed."""
    return isinstance(value.get("message"), Mapping) and "finish_reason" in value and "done" not in value


def _listed(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in `value`: a list of them in what is whole, one alone in what is streamed."""
    return [value] if isinstance(value, Mapping) else list(objects(value))
