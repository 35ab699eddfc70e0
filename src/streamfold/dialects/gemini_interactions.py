r"""Gemini's Interactions API.

The wire, over server-sent events whose type is also in the data::

    data: {"event_type":"interaction.created","interaction":{"id":"v1","model":"m","status":"in_progress"}}
    data: {"event_type":"step.start","index":0,"step":{"type":"thought"}}
    data: {"event_type":"step.delta","index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":"Hm"}}}
    data: {"event_type":"step.delta","index":0,"delta":{"type":"thought_signature","signature":"x"}}
    data: {"event_type":"step.delta","index":1,"delta":{"type":"text","text":"Hello"}}
    data: {"event_type":"step.start","index":2,"step":{"type":"function_call","id":"c","name":"f","arguments":{}}}
    data: {"event_type":"step.delta","index":2,"delta":{"type":"arguments_delta","arguments":"{\"a\":1}"}}
    data: {"event_type":"step.stop","index":2}
    data: {"event_type":"interaction.completed","interaction":{"id":"v1","status":"requires_action","usage":{...}}}
    data: [DONE]

``interaction.completed`` ends the stream; its status is the finish reason. A step says what it is when it starts, and
may already hold what it consists of; the deltas bring the rest. Steps called ``..._call``, other than those of
functions, are calls of Google's own tools, and those called ``..._result`` what these gave. The API's first version
said content and outputs where this one says steps; it differs only in names. An interaction that is not streamed has
all its steps, and so has the completed one of a stream that brought none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import Details, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, ServerToolResult, TextPart
from ..reply.usage import Usage
from .fields import count, dumped, get, objects, text, word
from .google_fields import media
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainWords(msgspec.Struct, gc=False):
    type: Literal["text"]
    text: str
    annotations: None = None


class _PlainEvent(msgspec.Struct, gc=False):
    event_type: Literal["step.delta"]
    delta: _PlainWords
    metadata: None = None
    usage: None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_VERDICTS = {
    "completed": Verdict.COMPLETE,
    "requires_action": Verdict.TOOL_CALLS,
    "incomplete": Verdict.LENGTH,
    "budget_exceeded": Verdict.LENGTH,
    "requires_continuation": Verdict.LENGTH,
    "cancelled": Verdict.CANCELLED,
    "failed": Verdict.ERRORED,
}
"""What a status means; with ``in_progress`` and ``queued`` nothing has ended."""

_FIRST_VERSION = {
    "interaction.start": "interaction.created",
    "interaction.complete": "interaction.completed",
    "content.start": "step.start",
    "content.delta": "step.delta",
    "content.stop": "step.stop",
}
_EVENTS = frozenset({*_FIRST_VERSION, *_FIRST_VERSION.values(), "interaction.status_update"})
Words = type[TextPart] | type[ReasoningPart]
_WORDS: dict[str | None, Words] = {"thought": ReasoningPart, "model_output": TextPart, "text": TextPart}


class GeminiInteractions(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "gemini_interactions"

    def __init__(self) -> None:
        super().__init__()
        self._has_steps = False
        self._calls: dict[int | None, _OpenCall] = {}  # by step
        self._answered: dict[int | None, str | None] = {}  # by step: the id of the call whose result it is

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = value.get("event_type")
        return kind in _EVENTS if isinstance(kind, str) else value.get("object") == "interaction"

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that a plain event consists of."""
        words = _decode_plain(data).delta.text
        self._has_steps = True
        return words or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event says to `deltas`."""
        for usage in (get(value, "metadata", "usage"), get(value, "metadata", "total_usage"), value.get("usage")):
            if isinstance(usage, Mapping):
                deltas.append(_usage(usage))
        kind, index = word(value.get("event_type")) or value.get("object"), count(value.get("index"))
        match _FIRST_VERSION.get(kind, kind) if isinstance(kind, str) else None:
            case "interaction.created":
                self._read_interaction(value.get("interaction"), deltas)
            case "interaction.completed":
                self._read_interaction(value.get("interaction"), deltas)
                deltas.append(END)
            case "interaction":
                self._read_interaction(value, deltas)
                deltas.append(END)
            case "interaction.status_update":
                _read_status(value.get("status"), deltas)
            case "step.start":
                self._start(index, value.get("step") or value.get("content"), deltas)
            case "step.delta":
                self._read_content(index, value.get("delta"), deltas)
            case "step.stop":
                self._stop(index, deltas)
            case _ if error := find_error(value):
                deltas.append(provider_error(error, value))

    def _read_interaction(self, interaction: Any, deltas: list[Delta]) -> None:
        if not isinstance(interaction, Mapping):
            return
        deltas.append(Identity(word(interaction.get("id")), word(interaction.get("model"))))
        if not self._has_steps:
            for index, step in enumerate(objects(interaction.get("steps") or interaction.get("outputs"))):
                self._start(index, step, deltas)
                self._stop(index, deltas)
        usage = interaction.get("usage")
        if isinstance(usage, Mapping):
            deltas.append(_usage(usage))
        _read_status(interaction.get("status"), deltas)
        if error := interaction.get("error"):
            deltas.append(provider_error(error, interaction))

    def _start(self, index: int | None, step: Any, deltas: list[Delta]) -> None:
        """Begin a step, which may already hold what it consists of."""
        if not isinstance(step, Mapping) or step.get("type") == "user_input":
            return
        self._has_steps = True
        kind = _WORDS.get(word(step.get("type")))
        if kind is None:
            self._read_content(index, step, deltas)
            return
        deltas.append(PartStart(kind))
        for content in objects(step.get("content" if kind is TextPart else "summary")):
            self._read_content(index, content, deltas, kind)
        self._read_content(index, step, deltas)
        if error := step.get("error"):
            deltas.append(provider_error(error, step))

    def _stop(self, index: int | None, deltas: list[Delta]) -> None:
        """End a step."""
        self._answered.pop(index, None)
        if call := self._calls.pop(index, None):
            deltas.append(call.end())

    def _read_content(self, index: int | None, content: Any, deltas: list[Delta], words: Words = TextPart) -> None:
        """Append what a delta, or a piece of a step that comes whole, says."""
        if not isinstance(content, Mapping):
            return
        self._has_steps = True
        kind = word(content.get("type")) or ""
        match kind:
            case "text" | "text_annotation" | "text_annotation_delta":
                _read_text(content, words, deltas)
            case "thought_summary":
                self._read_content(index, content.get("content"), deltas, ReasoningPart)
            case "thought" | "thought_signature":
                if signature := word(content.get("signature")):
                    deltas.append(Details(ReasoningPart, {"signature": signature}))
            case "image" | "audio" | "video" | "document":
                deltas.append(WholePart(media(content) or ServerToolResult(None, kind, content)))
            case "arguments_delta":
                self._read_call(index, content, "", deltas)
            case _ if kind.endswith("_call"):
                self._read_call(index, content, kind, deltas)
            case _ if kind.endswith("_result"):
                self._read_result(index, content, kind, deltas)

    def _read_call(self, index: int | None, content: Mapping[str, Any], kind: str, deltas: list[Delta]) -> None:
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = _OpenCall(index, kind not in ("", "function_call"))
        name = word(content.get("name")) or (kind.removesuffix("_call") if call.server else None)
        pieces = call.take(content.get("arguments"))
        signature = word(content.get("signature"))
        id = word(content.get("id"))
        deltas.append(ToolCallPiece(index, id, name, pieces, server=call.server, signature=signature))

    def _read_result(self, index: int | None, content: Mapping[str, Any], kind: str, deltas: list[Delta]) -> None:
        id = word(content.get("call_id")) or self._answered.get(index)
        self._answered[index] = id
        if content.get("result") is not None:
            name = word(content.get("name")) or kind.removesuffix("_result")
            deltas.append(WholePart(ServerToolResult(id, name, content["result"])))


class _OpenCall:
    """A call in the making: its start may have the arguments as an object, which deltas then say again as text."""

    def __init__(self, index: int | None, server: bool) -> None:
        self.server = server
        self._index = index
        self._whole: str | None = None

    def take(self, arguments: Any) -> str | None:
        """Return the arguments if they are a piece of the text; keep them if they are whole."""
        if isinstance(arguments, str):
            self._whole = ""
            return arguments
        if isinstance(arguments, Mapping) and arguments and self._whole != "":
            self._whole = dumped(arguments)
        return None

    def end(self) -> ToolCallPiece:
        """Return the last piece."""
        return ToolCallPiece(self._index, arguments=self._whole or None, ended=True, server=self.server)


def _read_text(content: Mapping[str, Any], kind: Words, deltas: list[Delta]) -> None:
    if words := text(content.get("text")):
        deltas.append(TextDelta(words) if kind is TextPart else ReasoningDelta(words))
    if citations := list(objects(content.get("annotations"))):
        deltas.append(Details(TextPart, {"citations": citations}))


def _read_status(status: Any, deltas: list[Delta]) -> None:
    if (status := word(status)) and status not in ("in_progress", "queued"):
        deltas.append(ChoiceEnd(status, _VERDICTS.get(status, Verdict.COMPLETE)))


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("total_input_tokens")),
        output_tokens=count(usage.get("total_output_tokens")),  # without the thoughts
        total_tokens=count(usage.get("total_tokens")),
        cached_tokens=count(usage.get("total_cached_tokens")),
        reasoning_tokens=count(usage.get("total_thought_tokens")),
        raw=usage,
    )
