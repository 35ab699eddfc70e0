"""Amazon Bedrock's Converse API, over an AWS event stream or as JSON lines.

The wire, as ``:event-type`` and payload (``p`` is padding, against guesses from the length)::

    messageStart       {"role":"assistant","p":"abcd"}
    contentBlockDelta  {"contentBlockIndex":0,"delta":{"text":"Hel"},"p":"ab"}
    contentBlockDelta  {"contentBlockIndex":0,"delta":{"text":"lo"},"p":"abcdef"}
    contentBlockStop   {"contentBlockIndex":0,"p":"abc"}
    contentBlockStart  {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}}
    contentBlockDelta  {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}
    contentBlockStop   {"contentBlockIndex":1}
    messageStop        {"stopReason":"tool_use"}
    metadata           {"usage":{"inputTokens":9,"outputTokens":2,"totalTokens":11},"metrics":{"latencyMs":1}}

Without the framing, and where Nova is invoked by its own format, an event is in an object whose key is its type. Only
tools, their results and images have a ``contentBlockStart``, so a text or a thought begins where its index is new. The
end is the ``metadata`` after a ``messageStop``. The fields are those of the API's model as botocore 1.44 has it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ..events import Details, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import END, Anomaly, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, TextPart, Words
from ..reply.usage import Usage
from .aws_dialect import AWSDialect, exception_in
from .fields import count, dumped, get, objects, text, word
from .held_block import MEDIA, HeldBlock

_Index = Annotated[int, msgspec.Meta(ge=0)]


class _PlainDelta(msgspec.Struct, gc=False, rename="camel"):
    text: str
    tool_use: None = None
    tool_result: None = None
    reasoning_content: None = None
    citation: None = None
    image: None = None


class _PlainBlock(msgspec.Struct, gc=False, rename="camel"):
    delta: _PlainDelta
    content_block_index: _Index | None = None


class _PlainEvent(msgspec.Struct, gc=False, rename="camel"):
    delta: _PlainDelta | None = None
    content_block_index: _Index | None = None
    content_block_delta: _PlainBlock | None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_NOWHERE = -1
_EVENTS = ("contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStart", "messageStop", "metadata")
_TELLING = _EVENTS[:-1]

_VERDICTS = {
    "max_tokens": Verdict.LENGTH,
    "model_context_window_exceeded": Verdict.LENGTH,
    "tool_use": Verdict.TOOL_CALLS,
    "guardrail_intervened": Verdict.FILTERED,
    "content_filtered": Verdict.FILTERED,
    "refusal": Verdict.REFUSED,
    "malformed_model_output": Verdict.ERRORED,
    "malformed_tool_use": Verdict.ERRORED,
}


class BedrockConverse(AWSDialect):
    """Turn the frames of one Converse stream into deltas.

    Attributes:
        splits: Whether each block of text or reasoning is a part of its own.
    """

    NAME = "bedrock_converse"

    def __init__(self) -> None:
        super().__init__()
        self.splits = True
        self._stopped = False
        self._at: dict[type[Words], int | None] = {}  # the block that the latest words of a kind were in
        self._argued: set[int | None] = set()  # open blocks of tools that got a piece of their input
        self._held: dict[int | None, HeldBlock] = {}

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`. An exception is the same in all of Bedrock's APIs."""
        if event in _TELLING or any(isinstance(value.get(name), Mapping) for name in _TELLING):
            return True
        return "contentBlockIndex" in value or _is_reply(value) or exception_in(value, event) is not None

    def plain(self, data: bytes) -> Delta | None:
        """Return the piece of text that `data` is, if it is one of the block that text came in before."""
        event = _decode_plain(data)
        block = event.content_block_delta or event
        if block.delta is None or (self.splits and self._at.get(TextPart, _NOWHERE) != block.content_block_index):
            raise ValueError
        return block.delta.text or None

    def read_event(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> bool:
        """Append what an event, or a reply that was not streamed, says to `deltas`."""
        if _is_reply(value):
            self._read_reply(value, deltas)
            return True
        name, body = _named(value, event)
        index = count(body.get("contentBlockIndex"))
        match name:
            case "contentBlockDelta":
                self._read_delta(index, body.get("delta"), deltas)
            case "contentBlockStart":
                self._start(index, body.get("start"), deltas)
            case "contentBlockStop":
                self._stop(index, deltas)
            case "messageStop":
                self._stopped = True
                for index in list(self._held):
                    self._stop(index, deltas)
                _read_stop(body, deltas)
            case "metadata":
                _read_metadata(body, deltas)
                if self._stopped:
                    deltas.append(END)
        return name is not None

    def _read_reply(self, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        for index, block in enumerate(objects(get(value, "output", "message", "content"))):
            if isinstance(cited := block.get("citationsContent"), Mapping):
                words = "".join([text(piece.get("text")) for piece in objects(cited.get("content"))])
                self._read_delta(index, {"text": words, "citation": cited.get("citations")}, deltas)
            else:
                self._start(index, block, deltas)
                self._read_delta(index, block, deltas)
                self._stop(index, deltas)
        _read_metadata(value, deltas)
        _read_stop(value, deltas)
        deltas.append(END)

    def _start(self, index: int | None, start: Any, deltas: list[Delta]) -> None:
        if isinstance(tool := get(start, "toolUse"), Mapping):
            self._argued.discard(index)
            server = tool.get("type") == "server_tool_use"
            deltas.append(ToolCallPiece(index, word(tool.get("toolUseId")), word(tool.get("name")), server=server))
        for kind in ("toolResult", *MEDIA):
            if isinstance(block := get(start, kind), Mapping):
                self._held[index] = HeldBlock(kind, block)

    def _read_delta(self, index: int | None, delta: Any, deltas: list[Delta]) -> None:
        if not isinstance(delta, Mapping):
            return
        if words := text(delta.get("text")):
            self._enter(TextPart, index, deltas)
            deltas.append(TextDelta(words))
        if isinstance(reasoning := delta.get("reasoningContent"), Mapping):
            self._read_reasoning(index, reasoning, deltas)
        if arguments := _arguments(delta.get("toolUse")):
            self._argued.add(index)
            deltas.append(ToolCallPiece(index, arguments=arguments))
        citation = delta.get("citation")
        if citations := list(objects(citation if isinstance(citation, list) else [citation])):
            deltas.append(Details(TextPart, {"citations": citations}))
        self._hold(index, delta, deltas)

    def _enter(self, kind: type[Words], index: int | None, deltas: list[Delta]) -> None:
        """Begin a part of `kind` where its words come in another block than before."""
        if self.splits and self._at.get(kind, index) != index:
            deltas.append(PartStart(kind))
        self._at[kind] = index

    def _read_reasoning(self, index: int | None, reasoning: Mapping[str, Any], deltas: list[Delta]) -> None:
        if redacted := _sealed(reasoning.get("redactedContent")):
            deltas.append(WholePart(ReasoningPart("", redacted=redacted)))
        whole = reasoning.get("reasoningText")  # of a reply that was not streamed
        said = whole if isinstance(whole, Mapping) else reasoning
        words, signature = text(said.get("text")), word(said.get("signature"))
        if words or signature:
            self._enter(ReasoningPart, index, deltas)
        if words:
            deltas.append(ReasoningDelta(words))
        if signature:
            deltas.append(Details(ReasoningPart, {"signature": signature}))

    def _hold(self, index: int | None, delta: Mapping[str, Any], deltas: list[Delta]) -> None:
        held = self._held.get(index)
        if held and (error := held.add(delta.get(held.kind))):
            deltas.append(Anomaly(f"the {held.kind} failed: {error}"))

    def _stop(self, index: int | None, deltas: list[Delta]) -> None:
        if index in self._argued:
            self._argued.remove(index)
            deltas.append(ToolCallPiece(index, ended=True))
        held = self._held.pop(index, None)
        if held and (part := held.freeze()):
            deltas.append(WholePart(part))


def _is_reply(value: Mapping[str, Any]) -> bool:
    return isinstance(get(value, "output", "message"), Mapping)


def _named(value: Mapping[str, Any], event: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return the type of an event and its body, which may be in an object whose key is the type."""
    for name in _EVENTS:
        if isinstance(body := value.get(name), Mapping):
            return name, body
    if event not in _EVENTS and isinstance(value.get("delta"), Mapping):
        event = "contentBlockDelta"
    return (event if event in _EVENTS else None), value


def _arguments(tool: Any) -> str:
    arguments = get(tool, "input")
    return dumped(arguments) if isinstance(arguments, Mapping) else text(arguments)


def _sealed(value: Any) -> str | None:
    """Return a sealed blob as base64; an SDK has decoded it."""
    return b64encode(value).decode() if isinstance(value, bytes) else word(value)


def _read_stop(body: Mapping[str, Any], deltas: list[Delta]) -> None:
    if reason := word(body.get("stopReason")):
        deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason, Verdict.COMPLETE)))


def _read_metadata(body: Mapping[str, Any], deltas: list[Delta]) -> None:
    if model := word(get(body, "trace", "promptRouter", "invokedModelId")):
        deltas.append(Identity(model=model))
    if isinstance(usage := body.get("usage"), Mapping):
        cached = usage.get("cacheReadInputTokens")
        deltas.append(
            Usage(
                input_tokens=count(usage.get("inputTokens")),
                output_tokens=count(usage.get("outputTokens")),
                total_tokens=count(usage.get("totalTokens")),
                cached_tokens=count(usage.get("cacheReadInputTokenCount") if cached is None else cached),  # Nova's own
                raw=usage,
            )
        )
