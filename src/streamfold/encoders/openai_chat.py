"""Write OpenAI chat completions; `dialects/openai_chat.py` shows the wire.

Reasoning is said as ``reasoning_content`` (DeepSeek, vLLM), its seals as ``reasoning_details`` (OpenRouter), images as
``images`` (OpenRouter): OpenAI itself has no place for them, and its clients pass over what they do not know. The
usage stands in the chunk with the finish reason, as with DeepSeek, not in one without choices: a reader who did not ask
for it takes ``choices[0]`` of every chunk.
"""

from __future__ import annotations

from base64 import b64encode
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
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..reply import Choice, Reply, Verdict
from ..reply.parts import MediaPart, Part, ReasoningPart
from ..reply.usage import Usage
from .frames import DONE, error_of, no_reset, said, sse, to_json
from .tool_calls import SaidCalls

REASONS = {
    Verdict.COMPLETE: "stop",
    Verdict.STOPPED: "stop",
    Verdict.LENGTH: "length",
    Verdict.TOOL_CALLS: "tool_calls",
    Verdict.FILTERED: "content_filter",
    Verdict.REFUSED: "refusal",
}


class OpenAIChatEncoder:
    """Write one stream. See `encoders.Encoder`."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    HEADERS: ClassVar[dict[str, str]] = {}

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None:
        self._chunk = {
            "id": id or "chatcmpl-0",
            "object": "chat.completion.chunk",
            "created": int(created),
            "model": model or "",
        }
        start = to_json(self._chunk)[:-1]
        self._before_text = b'data: %s,"choices":[{"index":0,"delta":{"content":' % start
        self._begun: set[int] = set()
        self._calls = SaidCalls()

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`."""
        if isinstance(event, TextDelta) and not event.choice:
            event = event.text
        if isinstance(event, str):  # as nearly always
            return b'%s%s%s},"finish_reason":null}]}\n\n' % (self._role(0), self._before_text, to_json(event))
        match event:
            case TextDelta():
                return self._say({"content": event.text}, event.choice)
            case ReasoningDelta() | PlanDelta():
                return self._say({"reasoning_content": event.text}, event.choice)
            case RefusalDelta():
                return self._say({"refusal": event.text}, event.choice)
            case ToolCallStart() | ToolCallDelta() | ToolCallEnd():
                return self._call(event)
            case Details():
                delta = _details(event)
                return self._say(delta, event.choice) if delta else b""
            case PartEnd():
                delta = _whole(event.part)
                return self._say(delta, event.choice) if delta else b""
            case StreamEnd():
                return self._end(event.reply)
            case Reset():
                raise no_reset("openai_chat")
        return b""

    def _role(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._choice({"role": "assistant", "content": ""}, choice)

    def _say(self, delta: Mapping[str, Any], choice: int) -> bytes:
        return self._role(choice) + self._choice(delta, choice)

    def _choice(self, delta: Mapping[str, Any], index: int, reason: str | None = None, **values: Any) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return sse({**self._chunk, "choices": [choice], **values})

    def _call(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> bytes:
        step = self._calls.feed(event)
        piece: dict[str, Any] = {"index": step.call.place, "function": {"arguments": step.arguments}}
        if step.starts:
            piece |= {"id": step.call.id, "type": "function"}
            piece["function"] = {"name": step.call.name, "arguments": step.arguments}
        elif not step.arguments:
            return b""
        return self._say({"tool_calls": [piece]}, event.choice)

    def _end(self, reply: Reply) -> bytes:
        if reply.verdict is Verdict.ERRORED:
            message, kind, code, _ = error_of(reply)
            return sse({"error": {"message": message, "type": kind, "param": None, "code": code}})
        if reply.verdict not in REASONS:
            return b""
        ends = [self._role(choice.index) + self._end_of(choice, reply) for choice in reply.choices]
        return b"".join(ends) + DONE

    def _end_of(self, choice: Choice, reply: Reply) -> bytes:
        last = choice is reply.choices[-1]
        usage = _usage(reply.usage) if last else {}
        return self._choice({}, choice.index, _reason(choice, reply), **said(usage=usage or None))


def chat_completion(reply: Reply, id: str, model: str, created: float) -> dict[str, Any]:
    """Return a reply that ended well as a whole chat completion, which was not streamed."""
    choices = [
        {"index": choice.index, "message": _message(choice), "finish_reason": _reason(choice, reply), "logprobs": None}
        for choice in reply.choices
    ]
    head = {"id": id, "object": "chat.completion", "created": int(created), "model": model}
    return {**head, "choices": choices, **said(usage=_usage(reply.usage) or None)}


def _message(choice: Choice) -> dict[str, Any]:
    calls = [
        {
            "id": call.id or f"call_{place}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for place, call in enumerate(choice.tool_calls)
    ]
    content = choice.text if choice.text or not (calls or choice.refusal) else None
    thoughts = choice.reasoning + choice.plan
    said_besides = said(tool_calls=calls or None, reasoning_content=thoughts or None)
    return {"role": "assistant", "content": content, "refusal": choice.refusal or None, **said_besides}


def _reason(choice: Choice, reply: Reply) -> str:
    if reply.dialect == "openai_chat" and choice.finish_reason and reply.verdict is not Verdict.STOPPED:
        return choice.finish_reason
    first = choice is reply.choices[0] or choice.finish_reason == reply.finish_reason
    if first and not (reply.verdict is Verdict.REFUSED and choice.refusal):
        return REASONS[reply.verdict or Verdict.COMPLETE]
    return "stop"  # a refusal in words ends like any other answer


def _details(event: Details) -> dict[str, Any]:
    values = event.values
    details: list[dict[str, Any]] = []
    if event.kind is ReasoningPart and values.get("signature"):
        details.append({"type": "reasoning.text", "signature": values["signature"]})
    if event.kind is ReasoningPart and values.get("redacted"):
        details.append({"type": "reasoning.encrypted", "data": values["redacted"]})
    citations = [one for one in values.get("citations", ()) if isinstance(one, Mapping) and "url_citation" in one]
    return said(reasoning_details=details or None, annotations=citations or None)


def _whole(part: Part) -> dict[str, Any]:
    if isinstance(part, ReasoningPart) and part.redacted:
        return {"reasoning_details": [{"type": "reasoning.encrypted", "data": part.redacted}]}
    if isinstance(part, MediaPart) and part.media_type.startswith("image/"):
        url = f"data:{part.media_type};base64,{b64encode(part.data).decode()}"
        return {"images": [{"type": "image_url", "image_url": {"url": url}}]}
    return {}


def _usage(usage: Usage) -> dict[str, Any]:
    total = usage.total_tokens
    if total is None and usage.input_tokens is not None and usage.output_tokens is not None:
        total = usage.input_tokens + usage.output_tokens  # which the format demands
    cached, reasoning = usage.cached_tokens, usage.reasoning_tokens
    return said(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=total,
        prompt_tokens_details=None if cached is None else {"cached_tokens": cached},
        completion_tokens_details=None if reasoning is None else {"reasoning_tokens": reasoning},
    )
