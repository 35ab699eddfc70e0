"""How the events of a generation are records of its log, and back: the one place that says so.

A record is a JSON object whose ``type`` names it; ``choice`` is said only where it is not 0::

    {"type": "start", "id": "gen_8Zc...", "engine": "local", "model": "SmolLM2-135M-Instruct", "created": 1764250000.1}
    {"type": "reasoning", "text": "..."}                            likewise "text", "refusal" and "plan"
    {"type": "tool_call_start", "index": 0, "id": "c1", "name": "f"}
    {"type": "tool_call_delta", "index": 0, "arguments": "{"}
    {"type": "tool_call_end", "index": 0, "id": "c1", "name": "f", "arguments": "{}", "complete": true}
    {"type": "part_start", "kind": "text"}                          likewise "part_break"
    {"type": "details", "kind": "reasoning", "values": {"signature": "..."}}
    {"type": "part_end", "part": {"type": "media", "media_type": "image/png", "data": "..."}}
    {"type": "reset", "attempt": 2, "why": "..."}
    {"type": "end", "verdict": "stopped", "finish_reason": null, "stop": {"string": "END", "offset": 3}, "usage": {...},
     "timing": {...}, "error": null, "id": "chatcmpl-1", "model": "..."}

Times are in seconds, positions in characters (code points). A log is read by folding it again: a view gets the events
that the producer saw, and the reply.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import asdict
from typing import Any

import msgspec

from ..encoders.frames import said, to_json
from ..errors import ProviderError, StreamfoldError
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
from ..folding import Fold, Shown
from ..folding.deltas import ChoiceEnd, Delta, ToolCallPiece, WholePart
from ..reply import Reply, Verdict
from ..reply.as_dict import PART_TYPES, part_json
from ..reply.parts import MediaPart, Part, ServerToolCall, ServerToolResult, ToolCall
from ..reply.usage import Usage
from ..stops import StopMatch

_WORDS: dict[type[Event], str] = {
    TextDelta: "text",
    ReasoningDelta: "reasoning",
    RefusalDelta: "refusal",
    PlanDelta: "plan",
}
_DELTAS: dict[str, Any] = {name: kind for kind, name in _WORDS.items()}
_KINDS: dict[str, Any] = {name: kind for kind, name in PART_TYPES.items()}
_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")
_UNSAID = {Verdict.TRUNCATED, Verdict.CANCELLED, Verdict.TIMED_OUT}
"""Verdicts that are the reader's, not the provider's."""


class Start(msgspec.Struct, frozen=True, tag="start", omit_defaults=True):
    """What a generation's first record says of it.

    Attributes:
        id: Of the generation.
        engine: The name of the engine that was asked.
        model: The model that was asked for.
        created: When, in seconds since 1970.
        asked: A digest of the request, which tells whether a repeated one is the same.
    """

    id: str
    engine: str
    model: str
    created: float
    asked: str = ""


_decode = msgspec.json.Decoder().decode
_decode_start = msgspec.json.Decoder(Start).decode


def start_record(start: Start) -> bytes:
    """Return the first record of a log."""
    return to_json(start)


def start_of(record: bytes) -> Start:
    """Return what the first record of a log says."""
    return _decode_start(record)


def record_of(event: Event | str) -> bytes:
    """Return the record that says `event`; a ``str`` is text."""
    match event:
        case str():
            return to_json({"type": "text", "text": event})
        case StreamEnd():
            return _end_record(event.reply)
        case Reset():
            return to_json({"type": "reset", "attempt": event.attempt, "why": event.why})
    choice = {"choice": event.choice} if event.choice else {}
    return to_json({**_said(event), **choice})


def _said(event: Event) -> dict[str, Any]:
    match event:
        case TextDelta() | ReasoningDelta() | RefusalDelta() | PlanDelta():
            return {"type": _WORDS[type(event)], "text": event.text}
        case ToolCallStart():
            return {"type": "tool_call_start", "index": event.index, "id": event.id, "name": event.name}
        case ToolCallDelta():
            return {"type": "tool_call_delta", "index": event.index, "arguments": event.arguments}
        case ToolCallEnd():
            return {"type": "tool_call_end", "index": event.index, **asdict(event.call)}
        case PartStart():
            return {"type": "part_start", "kind": PART_TYPES[event.kind]}
        case PartBreak():
            return {"type": "part_break", "kind": PART_TYPES[event.kind]}
        case Details():
            return {"type": "details", "kind": PART_TYPES[event.kind], "values": event.values}
        case PartEnd():
            return {"type": "part_end", "part": part_json(event.part)}
    raise AssertionError(event)


def _end_record(reply: Reply) -> bytes:
    usage, timing = reply.usage, reply.timing
    reasons = {str(choice.index): choice.finish_reason for choice in reply.choices[1:]}
    return to_json(
        {
            "type": "end",
            "verdict": reply.verdict,
            "finish_reason": reply.finish_reason,
            **({"finish_reasons": reasons} if reasons else {}),
            "stop": None if reply.stop is None else asdict(reply.stop),
            "usage": said(**{name: getattr(usage, name) for name in _COUNTS}),
            "timing": timing and {**asdict(timing), "per_second": timing.per_second(usage.output_tokens)},
            "error": _error(reply),
            "id": reply.id,
            "model": reply.model,
            **({"anomalies": reply.anomalies} if reply.anomalies else {}),
        }
    )


def _error(reply: Reply) -> dict[str, Any] | None:
    error = reply.error
    if isinstance(error, ProviderError):
        kind = error.type or "provider_error"
        return said(type=kind, message=error.message, code=error.code, status=error.status)
    if error is not None:
        return {"type": type(error).__name__, "message": str(error)}
    return {"type": "timed_out", "message": reply.passed} if reply.passed else None


class Refold:
    """Fold the records of one log: the events again, and the reply so far.

    Attributes:
        start: What the first record says.
        n_records: How many records were folded.
    """

    def __init__(self) -> None:
        self.start: Start | None = None
        self.n_records = 0
        self._fold = Fold(tags=())
        self._calls: dict[tuple[int, int], ToolCall] = {}
        self._end: Reply | None = None

    @property
    def reply(self) -> Reply:
        """What the records so far tell; its verdict is ``None`` before the end."""
        return self._end or self._fold.reply

    def feed(self, record: bytes) -> Shown:
        """Return the events that `record` says."""
        self.n_records += 1
        value = _decode(record)
        match value["type"]:
            case "start":
                self.start = start_of(record)
                return []
            case "end":
                return self._close(value)
            case "reset":
                self._fold = Fold(tags=())
                return [Reset(value["attempt"], value["why"])]
        choice = value.get("choice", 0)
        if value["type"] == "part_end":
            return self._fold.feed(self._whole(_part(value["part"]), choice))
        return self._fold.feed([self._delta(value, choice)])

    def _delta(self, value: dict[str, Any], choice: int) -> Delta:
        kind = value["type"]
        if kind in _DELTAS:
            text: str = value["text"]
            words: Delta = _DELTAS[kind](text, choice)
            return words if choice or kind != "text" else text
        match kind:
            case "tool_call_start" | "tool_call_delta" | "tool_call_end":
                return self._piece(value, choice)
            case "part_start":
                return PartStart(_KINDS[value["kind"]], choice)
            case "part_break":
                return PartBreak(_KINDS[value["kind"]], choice)
            case "details":
                return Details(_KINDS[value["kind"]], value["values"], choice)
        raise ValueError(f"a record of the unknown type {kind!r}")

    def _piece(self, value: dict[str, Any], choice: int) -> ToolCallPiece:
        index, id, name = value["index"], value.get("id"), value.get("name", "")
        call = self._calls.setdefault((choice, index), ToolCall(id, "", ""))
        piece = ToolCallPiece(index, id, name.removeprefix(call.name) or None, choice=choice)
        call.id, call.name = id or call.id, name or call.name
        if value["type"] == "tool_call_delta":
            piece.arguments = value["arguments"]
            call.arguments += value["arguments"]
        elif value["type"] == "tool_call_end":
            piece.ended = value["complete"]
            piece.signature, piece.free_text = value["signature"], value["free_text"]
        return piece

    def _whole(self, part: Part, choice: int) -> list[Delta]:
        """Return what a part that came whole is: with it a call that was told of may turn out to be the provider's."""
        if not isinstance(part, ServerToolCall | ServerToolResult) or part.id is None:
            return [WholePart(part, choice)]
        known = [(key, call) for key, call in self._calls.items() if (key[0], call.id) == (choice, part.id)]
        turned: list[Delta] = [
            ToolCallPiece(key[1], part.id, None, _rest(part, call), choice, ended=_ended(part), server=True)
            for key, call in known
        ]
        return turned if turned and isinstance(part, ServerToolCall) else [*turned, WholePart(part, choice)]

    def _close(self, value: dict[str, Any]) -> Shown:
        verdict = Verdict(value["verdict"])
        error = _error_of(value.get("error"), verdict)
        usage = Usage(**value.get("usage") or {})
        deltas: list[Delta] = [usage]
        if verdict is Verdict.ERRORED and error is not None:
            deltas.append(error)
        elif verdict not in _UNSAID:
            deltas.append(ChoiceEnd(value.get("finish_reason"), verdict))
            for index, reason in (value.get("finish_reasons") or {}).items():
                deltas.append(ChoiceEnd(reason, verdict, int(index)))
        shown = self._fold.feed(deltas) + self._fold.close(verdict)
        last = shown[-1]
        assert isinstance(last, StreamEnd)
        reply = self._end = last.reply
        reply.usage, reply.error = usage, error
        reply.stop = StopMatch(**value["stop"]) if value.get("stop") else None
        reply.id, reply.model = value.get("id"), value.get("model")
        return shown


def _error_of(said: dict[str, Any] | None, verdict: Verdict) -> StreamfoldError | None:
    """Return what went wrong, in the words of the record; where something did and nobody knows what, that."""
    if said is not None:
        return ProviderError(said["message"], type=said["type"], code=said.get("code"), status=said.get("status"))
    if verdict is Verdict.TRUNCATED:
        return ProviderError("the stream broke off before its end", type="truncated")
    return None


def _rest(part: ServerToolCall | ServerToolResult, call: ToolCall) -> str | None:
    """Return what of a call's arguments has not been told yet."""
    return part.arguments.removeprefix(call.arguments) if isinstance(part, ServerToolCall) else None


def _ended(part: ServerToolCall | ServerToolResult) -> bool:
    return isinstance(part, ServerToolCall) and part.complete


def _part(value: dict[str, Any]) -> Part:
    fields = {name: field for name, field in value.items() if name != "type"}
    kind = _KINDS[value["type"]]
    if kind is MediaPart:
        fields["data"] = b64decode(fields["data"])
    part: Part = kind(**fields)
    return part
