"""Write OpenAI responses; `dialects/openai_responses.py` shows the wire.

Words become items, one after the other: an item ends where another begins. A call of a tool is an item of its own, from
its start to its end, whatever comes between. All that was said in pieces is said once more, whole, where the item and
the response end, as the format demands; so the encoder holds the reply. A plan is reasoning; a refusal has a place of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from ..reply.parts import PlanPart, ReasoningPart, RefusalPart
from ..reply.usage import Usage
from .frames import error_of, named_sse, no_reset, said
from .tool_calls import SaidCalls

_DONE = {Verdict.COMPLETE, Verdict.STOPPED, Verdict.TOOL_CALLS, Verdict.REFUSED}
_CUT = {Verdict.TRUNCATED, Verdict.TIMED_OUT, Verdict.CANCELLED}
"""What the format has no event for: the stream just breaks off."""
_INCOMPLETE: dict[Verdict | None, str] = {Verdict.LENGTH: "max_output_tokens", Verdict.FILTERED: "content_filter"}
_ASKED: dict[str, Any] = {"parallel_tool_calls": True, "tools": [], "tool_choice": "auto"}
"""What the format demands to be said of the request, of which nothing is known here."""

_CITATIONS = {"url_citation", "file_citation", "container_file_citation", "file_path"}


@dataclass(slots=True)
class _Item:
    """An item of the output: ``output_text``, ``refusal``, ``reasoning_text`` or ``function_call``."""

    kind: str
    index: int
    id: str
    pieces: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    annotations: list[Any] = field(default_factory=list)

    @property
    def part(self) -> dict[str, Any]:
        """The part that the words are."""
        words = {"refusal" if self.kind == "refusal" else "text": "".join(self.pieces)}
        return {"type": self.kind, **words, **({"annotations": self.annotations} if self.kind == "output_text" else {})}

    def whole(self, status: str) -> dict[str, Any]:
        """Return the item as it stands."""
        if self.kind == "function_call":
            arguments = "".join(self.pieces)
            return {"id": self.id, "type": self.kind, "status": status, "arguments": arguments, **self.details}
        content = [self.part] if self.pieces else []
        if self.kind == "reasoning_text":
            return {"id": self.id, "type": "reasoning", "summary": [], "content": content, **self.details}
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}


class OpenAIResponsesEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    HEADERS: ClassVar[dict[str, str]] = {}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        self._id = id or "resp_0"
        self._head = {"id": self._id, "object": "response", "created_at": int(created), "model": model or ""}
        self._n_events = 0
        self._items: list[_Item] = []
        self._open: _Item | None = None  # words that have not ended
        self._call_items: dict[int, _Item] = {}
        self._calls = SaidCalls()

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`."""
        if isinstance(event, str):
            event = TextDelta(event)
        if getattr(event, "choice", 0):
            return b""
        if isinstance(event, Reset):
            raise no_reset("openai_responses")
        begins = not self._n_events
        if begins:
            self._n_events = 2  # counted first, said if there is anything to say
        said_now = self._say(event)
        if begins:
            if not said_now:
                self._n_events = 0
                return b""
            response = self._response("in_progress", [])
            starts = [{"type": f"response.{what}", "response": response} for what in ("created", "in_progress")]
            return b"".join([named_sse({**start, "sequence_number": n}) for n, start in enumerate(starts)]) + said_now
        return said_now

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return self._words("output_text", event.text)
            case ReasoningDelta() | PlanDelta():
                return self._words("reasoning_text", event.text)
            case RefusalDelta():
                return self._words("refusal", event.text)
            case ToolCallStart() | ToolCallDelta() | ToolCallEnd():
                return self._call(event)
            case PartStart() | PartBreak():
                return self._stop() if self._open and self._open.kind == _kind(event) else b""
            case Details():
                return self._details(event)
            case PartEnd(ReasoningPart() as part) if part.redacted:
                ended = self._stop()
                return ended + self._details(Details(ReasoningPart, {"signature": part.redacted})) + self._stop()
            case StreamEnd():
                return self._end(event.reply)
        return b""

    def _event(self, type: str, about: _Item | None = None, /, **values: Any) -> bytes:
        place = {} if about is None else {"output_index": about.index}
        value = {"type": f"response.{type}", **place, **values, "sequence_number": self._n_events}
        self._n_events += 1
        return named_sse(value)

    def _new_item(self, kind: str, **details: Any) -> tuple[_Item, bytes]:
        prefix = {"function_call": "fc", "reasoning_text": "rs"}.get(kind, "msg")
        index = len(self._items)
        item = _Item(kind, index, f"{prefix}_{index}", details=details)
        self._items.append(item)
        return item, self._event("output_item.added", item, item=item.whole("in_progress"))

    # -- words -------------------------------------------------------------------------------------------------------

    def _words(self, kind: str, words: str) -> bytes:
        started = self._item_of(kind)
        item = self._open
        assert item is not None
        if not item.pieces:
            started += self._event("content_part.added", item, item_id=item.id, content_index=0, part=item.part)
        item.pieces.append(words)
        extra: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        return started + self._event(f"{kind}.delta", item, item_id=item.id, content_index=0, delta=words, **extra)

    def _item_of(self, kind: str) -> bytes:
        """Begin an item of `kind` unless one is open."""
        if self._open is not None and self._open.kind == kind:
            return b""
        ended = self._stop()
        self._open, started = self._new_item(kind)
        return ended + started

    def _stop(self) -> bytes:
        item, self._open = self._open, None
        if item is None:
            return b""
        ended = b""
        if item.pieces:
            name = "refusal" if item.kind == "refusal" else "text"
            whole = {name: "".join(item.pieces), **({"logprobs": []} if item.kind == "output_text" else {})}
            place = {"item_id": item.id, "content_index": 0}
            ended = self._event(f"{item.kind}.done", item, **place, **whole)
            ended += self._event("content_part.done", item, **place, part=item.part)
        return ended + self._event("output_item.done", item, item=item.whole("completed"))

    def _details(self, event: Details) -> bytes:
        if event.kind is ReasoningPart:
            seal = event.values.get("signature") or event.values.get("redacted")
            if not isinstance(seal, str):
                return b""
            started = self._item_of("reasoning_text")
            assert self._open is not None
            self._open.details["encrypted_content"] = seal
            return started
        citations = [one for one in event.values.get("citations", ()) if _is_citation(one)]
        item = self._open
        if item is None or item.kind != "output_text" or not item.pieces:
            return b""
        return b"".join([self._annotation(item, citation) for citation in citations])

    def _annotation(self, item: _Item, citation: Mapping[str, Any]) -> bytes:
        place = {"item_id": item.id, "content_index": 0, "annotation_index": len(item.annotations)}
        item.annotations.append(citation)
        return self._event("output_text.annotation.added", item, **place, annotation=citation)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _call(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> bytes:
        step = self._calls.feed(event)
        out = b""
        if step.starts:
            out = self._stop()
            begun, started = self._new_item("function_call", call_id=step.call.id, name=step.call.name)
            self._call_items[step.call.place] = begun
            out += started
        item = self._call_items.get(step.call.place)
        if item is None:
            return out
        if step.arguments:
            item.pieces.append(step.arguments)
            out += self._event("function_call_arguments.delta", item, item_id=item.id, delta=step.arguments)
        if step.end:
            status = "completed" if step.end.call.complete else "incomplete"
            whole = item.whole(status)
            out += self._event("function_call_arguments.done", item, item_id=item.id, arguments=whole["arguments"])
            out += self._event("output_item.done", item, item=whole)
        return out

    # -- the end -----------------------------------------------------------------------------------------------------

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict in _CUT:
            return b""
        ended = self._stop()
        response = self.response(reply)
        return ended + self._event(response["status"], response=response)

    def response(self, reply: Reply) -> dict[str, Any]:
        """Return the whole response as far as it was said, in the state that `reply` is in."""
        verdict = reply.verdict
        values: dict[str, Any] = {"usage": _usage(reply.usage)}
        status = "completed" if verdict in _DONE else "cancelled" if verdict is Verdict.CANCELLED else "in_progress"
        if verdict is Verdict.ERRORED:
            message, kind, code, _ = error_of(reply)
            status, values["error"] = "failed", {"code": code or kind, "message": message}
        elif verdict in _INCOMPLETE or (verdict is Verdict.REFUSED and not reply.refusal):
            status, values["incomplete_details"] = "incomplete", {"reason": _INCOMPLETE.get(verdict, "content_filter")}
        items = [item.whole("completed" if verdict else "in_progress") for item in self._items]
        return self._response(status, items) | values

    def _response(self, status: str, output: list[Any]) -> dict[str, Any]:
        absent = dict.fromkeys(("error", "incomplete_details", "usage"))
        return {**self._head, "status": status, "output": output, **absent, **_ASKED}


def _kind(event: PartStart | PartBreak) -> str:
    kinds = {ReasoningPart: "reasoning_text", PlanPart: "reasoning_text", RefusalPart: "refusal"}
    return kinds.get(event.kind, "output_text")


def _is_citation(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") in _CITATIONS


def _usage(usage: Usage) -> dict[str, Any] | None:
    """Return what was counted; the format demands numbers, so with two of them there is a sum."""
    total, cached, reasoning = usage.total_tokens, usage.cached_tokens, usage.reasoning_tokens
    if total is None and usage.input_tokens is not None and usage.output_tokens is not None:
        total = usage.input_tokens + usage.output_tokens
    return (
        said(
            input_tokens=usage.input_tokens,
            input_tokens_details=None if cached is None else {"cached_tokens": cached},
            output_tokens=usage.output_tokens,
            output_tokens_details=None if reasoning is None else {"reasoning_tokens": reasoning},
            total_tokens=total,
        )
        or None
    )
