"""Write the UI message stream of the Vercel AI SDK; `dialects/ui_messages.py` shows the wire.

A part is ended where another begins; a call of a tool is said piece by piece and then whole. Seals stand in the
providers' metadata of the part's end, under the name ``streamfold``; the usage and the model in the message's metadata,
where the SDK's documentation puts them. A cancelled stream says ``abort``; a cut one ends without ``finish``.
"""

from __future__ import annotations

import json
from base64 import b64encode
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
from ..reply.parts import MediaPart, Part, ReasoningPart, ServerToolCall, ServerToolResult, TextPart
from ..reply.usage import Usage
from .frames import DONE, error_of, said, sse
from .tool_calls import SaidCalls

REASONS = {
    Verdict.COMPLETE: "stop",
    Verdict.STOPPED: "stop",
    Verdict.LENGTH: "length",
    Verdict.TOOL_CALLS: "tool-calls",
    Verdict.FILTERED: "content-filter",
    Verdict.REFUSED: "content-filter",
}


class UIMessagesEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    HEADERS: ClassVar[dict[str, str]] = {"x-vercel-ai-ui-message-stream": "v1"}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        self._id = id
        self._model = model
        self._begun = False
        self._open: str | None = None  # "text" or "reasoning", if such a part has not ended
        self._n_parts = 0
        self._seals: dict[str, str] = {}
        self._n_sources = 0
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
            start = said(type="start", messageId=self._id, messageMetadata=said(model=self._model) or None)
            said_now = sse(start) + sse({"type": "start-step"}) + said_now
        return said_now

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta() | RefusalDelta():
                return self._say_words("text", event.text)
            case ReasoningDelta() | PlanDelta():
                return self._say_words("reasoning", event.text)
            case ToolCallStart() | ToolCallDelta() | ToolCallEnd():
                return self._call(event)
            case PartStart() | PartBreak():
                kind = "reasoning" if event.kind is ReasoningPart else "text"
                return self._stop() if self._open == kind else b""
            case Details():
                return self._details(event)
            case PartEnd():
                return self._whole(event.part)
            case StreamEnd():
                return self._end(event.reply)
            case Reset():
                self._open, self._seals = None, {}
                return sse({"type": "reset-step"})

    def _say_words(self, kind: str, text: str) -> bytes:
        return self._part_of(kind) + sse({"type": f"{kind}-delta", "id": str(self._n_parts), "delta": text})

    def _part_of(self, kind: str) -> bytes:
        """Begin a part of `kind` unless one is open."""
        if self._open == kind:
            return b""
        ended = self._stop()
        self._open = kind
        self._n_parts += 1
        return ended + sse({"type": f"{kind}-start", "id": str(self._n_parts)})

    def _stop(self) -> bytes:
        kind, self._open = self._open, None
        if kind is None:
            return b""
        metadata = {"streamfold": self._seals} if self._seals else None
        self._seals = {}
        return sse(said(type=f"{kind}-end", id=str(self._n_parts), providerMetadata=metadata))

    def _details(self, event: Details) -> bytes:
        names = {"signature": "signature", "redacted": "redactedData", "id": "itemId"}
        seals = {name: event.values[field] for field, name in names.items() if event.values.get(field)}
        began = b""
        if seals:
            began = self._part_of("reasoning" if event.kind is ReasoningPart else "text")
            self._seals |= seals
        citations = event.values.get("citations", ()) if event.kind is TextPart else ()
        return began + b"".join(map(self._source, citations))

    def _source(self, citation: Any) -> bytes:
        if not isinstance(citation, Mapping):
            return b""
        if str(citation.get("type")).startswith("source-"):
            return sse(citation)  # the SDK's own
        inner = citation.get("url_citation")
        link = inner if isinstance(inner, Mapping) else citation
        if not isinstance(link.get("url"), str):
            return b""
        self._n_sources += 1
        source = f"source-{self._n_sources}"
        title = link.get("title")
        return sse(said(type="source-url", sourceId=source, url=link["url"], title=title))

    def _call(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> bytes:
        step = self._calls.feed(event)
        id = step.call.id
        out = b""
        if step.starts:
            out = self._stop() + sse({"type": "tool-input-start", "toolCallId": id, "toolName": step.call.name})
        if step.arguments:
            out += sse({"type": "tool-input-delta", "toolCallId": id, "inputTextDelta": step.arguments})
        if step.end and step.end.call.complete:
            seal = step.end.call.signature
            metadata = {"streamfold": {"signature": seal}} if seal else None
            whole = {"toolCallId": id, "toolName": step.call.name, "input": step.end.call.parse()}
            out += sse({"type": "tool-input-available", **whole, **said(providerMetadata=metadata)})
        return out

    def _whole(self, part: Part) -> bytes:
        if isinstance(part, ReasoningPart) and part.redacted:
            began = self._stop() + self._part_of("reasoning")
            self._seals = {"redactedData": part.redacted}
            return began + self._stop()
        if isinstance(part, MediaPart):
            url = f"data:{part.media_type};base64,{b64encode(part.data).decode()}"
            return self._stop() + sse({"type": "file", "url": url, "mediaType": part.media_type})
        if isinstance(part, ServerToolCall):
            call = {"toolCallId": part.id or "", "toolName": part.name, "input": _decoded(part.arguments)}
            return self._stop() + sse({"type": "tool-input-available", **call, "providerExecuted": True})
        if isinstance(part, ServerToolResult) and part.id:
            result = {"toolCallId": part.id, "output": part.content}
            return self._stop() + sse({"type": "tool-output-available", **result, "providerExecuted": True})
        return b""

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict is Verdict.CANCELLED:
            return self._stop() + sse({"type": "abort"}) + DONE
        steps = self._stop() + sse({"type": "finish-step"})
        metadata = said(usage=_usage(reply.usage) or None, model=reply.model) or None
        if reply.verdict is Verdict.ERRORED:
            error = sse({"type": "error", "errorText": error_of(reply)[0]})
            return error + steps + sse(said(type="finish", finishReason="error", messageMetadata=metadata)) + DONE
        reason = REASONS.get(reply.verdict or Verdict.TRUNCATED)
        if reason is None:
            return b""
        return steps + sse(said(type="finish", finishReason=reason, messageMetadata=metadata)) + DONE


def _decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _usage(usage: Usage) -> dict[str, Any]:
    return said(
        inputTokens=usage.input_tokens,
        outputTokens=usage.output_tokens,
        totalTokens=usage.total_tokens,
        cachedInputTokens=usage.cached_tokens,
        reasoningTokens=usage.reasoning_tokens,
    )
