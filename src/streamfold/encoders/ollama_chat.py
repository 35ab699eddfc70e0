"""Write Ollama's native chat, a JSON object a line; `dialects/ollama_chat.py` shows the wire.

The format says calls of tools whole, so a call is said at its end, and one that never became whole is not. It knows two
reasons, ``stop`` and ``length``; a refusal in words is text, a plan is thinking.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from ..events import (
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
from ..reply.parts import MediaPart
from .frames import error_of, line, no_reset, said

_ENDS = frozenset({
    Verdict.COMPLETE, Verdict.STOPPED, Verdict.LENGTH, Verdict.TOOL_CALLS, Verdict.FILTERED, Verdict.REFUSED,
})  # fmt: skip


class OllamaChatEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "application/x-ndjson"
    HEADERS: ClassVar[dict[str, str]] = {}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        at = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
        self._start = {"model": model or "", "created_at": at}
        self._n_calls = 0

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`."""
        if isinstance(event, str):
            event = TextDelta(event)
        if getattr(event, "choice", 0):
            return b""
        match event:
            case TextDelta() | RefusalDelta():
                return self._say({"content": event.text})
            case ReasoningDelta() | PlanDelta():
                return self._say({"content": "", "thinking": event.text})
            case ToolCallEnd() if event.call.complete:
                return self._call(event)
            case PartEnd(MediaPart() as part) if part.media_type.startswith("image/"):
                return self._say({"content": "", "images": [b64encode(part.data).decode()]})
            case StreamEnd():
                return self._end(event.reply)
            case Reset():
                raise no_reset("ollama_chat")
        return b""

    def _say(self, message: Mapping[str, Any]) -> bytes:
        return line({**self._start, "message": {"role": "assistant", **message}, "done": False})

    def _call(self, event: ToolCallEnd) -> bytes:
        arguments = event.call.parse()
        if not isinstance(arguments, dict):  # the format knows objects alone
            arguments = {"input": arguments}
        function = {"index": self._n_calls, "name": event.call.name, "arguments": arguments}
        self._n_calls += 1
        return self._say({"content": "", "tool_calls": [said(id=event.call.id, function=function)]})

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict is Verdict.ERRORED:
            return line({"error": error_of(reply)[0]})
        if reply.verdict not in _ENDS:
            return b""
        counts = said(prompt_eval_count=reply.usage.input_tokens, eval_count=reply.usage.output_tokens)
        reason = "length" if reply.verdict is Verdict.LENGTH else "stop"
        message = {"role": "assistant", "content": ""}
        return line({**self._start, "message": message, "done": True, "done_reason": reason, **counts})
