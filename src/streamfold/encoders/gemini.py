"""Write Gemini's generateContent over server-sent events; `dialects/gemini.py` shows the wire.

The format says calls of tools whole, so a call is said at its end, and one that never became whole is not. A seal comes
alone, in a part without words, as Google sends it; one that is not base64 is left out, as Google's client breaks on it.
A refusal in words is text, a plan is a thought; there is no reason for having declined but ``SAFETY``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, ClassVar

from ..events import (
    Details,
    Event,
    PartEnd,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    Reset,
    StreamEnd,
    TextDelta,
    ToolCallEnd,
)
from ..reply import Reply, Verdict
from ..reply.parts import MediaPart, ReasoningPart, ToolCall
from ..reply.usage import Usage
from .frames import error_of, no_reset, said, sse

REASONS = {
    Verdict.COMPLETE: "STOP",
    Verdict.STOPPED: "STOP",
    Verdict.TOOL_CALLS: "STOP",
    Verdict.LENGTH: "MAX_TOKENS",
    Verdict.FILTERED: "SAFETY",
    Verdict.REFUSED: "SAFETY",
}


class GeminiEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    HEADERS: ClassVar[dict[str, str]] = {}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        self._names = said(modelVersion=model, responseId=id)

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`."""
        match event:
            case str():
                return self._part({"text": event}, 0)
            case TextDelta() | RefusalDelta():
                return self._part({"text": event.text}, event.choice)
            case ReasoningDelta() | PlanDelta():
                return self._part({"text": event.text, "thought": True}, event.choice)
            case ToolCallEnd() if event.call.complete:
                return self._part(_call(event.call), event.choice)
            case Details() if _is_seal(event.values.get("signature")):
                thought = {"thought": True} if event.kind is ReasoningPart else {}
                return self._part({"text": "", **thought, "thoughtSignature": event.values["signature"]}, event.choice)
            case PartEnd(MediaPart() as part):
                data = {"mimeType": part.media_type, "data": b64encode(part.data).decode()}
                return self._part({"inlineData": data}, event.choice)
            case StreamEnd():
                return self._end(event.reply)
            case Reset():
                raise no_reset("gemini")
        return b""

    def _part(self, part: Mapping[str, Any], choice: int) -> bytes:
        candidate = {"content": {"parts": [part], "role": "model"}, "index": choice}
        return sse({"candidates": [candidate], **self._names})

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict is Verdict.ERRORED:
            message, _, _, status = error_of(reply)
            return sse({"error": {"code": status, "message": message, "status": "INTERNAL"}})
        reason = REASONS.get(reply.verdict or Verdict.TRUNCATED)
        if reason is None:
            return b""
        ends = []
        for choice in reply.choices:
            own = choice.finish_reason if reply.dialect == "gemini" and reply.verdict is not Verdict.STOPPED else None
            content = {"parts": [{"text": ""}], "role": "model"}
            ends.append({"content": content, "finishReason": own or reason, "index": choice.index})
        return sse({"candidates": ends, **said(usageMetadata=_usage(reply.usage) or None), **self._names})


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.parse()
    args = arguments if isinstance(arguments, dict) else {"input": arguments}  # the format knows objects alone
    seal = call.signature if _is_seal(call.signature) else None
    return said(functionCall=said(name=call.name, args=args, id=call.id), thoughtSignature=seal)


def _is_seal(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(b64decode(value, validate=True))
    except ValueError:
        return False


def _usage(usage: Usage) -> dict[str, Any]:
    return said(
        promptTokenCount=usage.input_tokens,
        candidatesTokenCount=usage.output_tokens,
        totalTokenCount=usage.total_tokens,
        cachedContentTokenCount=usage.cached_tokens,
        thoughtsTokenCount=usage.reasoning_tokens,
    )
