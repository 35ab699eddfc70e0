"""Say a reply as JSON-able values.

What the provider sent as it pleased (usage, citations, results of its tools) is handed on as it is, not copied: it may
be nested deeper than Python copies.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .parts import (
    MediaPart,
    Part,
    PlanPart,
    ReasoningPart,
    RefusalPart,
    ServerToolCall,
    ServerToolResult,
    TextPart,
    ToolCall,
)

if TYPE_CHECKING:
    from .reply import Choice, Reply

PART_TYPES: dict[type[Part], str] = {
    TextPart: "text",
    ReasoningPart: "reasoning",
    RefusalPart: "refusal",
    PlanPart: "plan",
    ToolCall: "tool_call",
    ServerToolCall: "server_tool_call",
    ServerToolResult: "server_tool_result",
    MediaPart: "media",
}
"""What each kind of part is called."""


def reply_json(reply: Reply) -> dict[str, Any]:
    """Return all there is of `reply`. The first choice's values stand at the top too, but for its parts."""
    choices = [_choice(choice) for choice in reply.choices]
    first = {name: value for name, value in choices[0].items() if name not in {"index", "logprobs", "parts"}}
    return {
        "verdict": reply.verdict,
        **first,
        "stop": _shallow(reply.stop) if reply.stop else None,
        "usage": _shallow(reply.usage),
        "id": reply.id,
        "model": reply.model,
        "fingerprint": reply.fingerprint,
        "dialect": reply.dialect,
        "error": _error(reply.error),
        "callback_error": _error(reply.callback_error),
        "anomalies": reply.anomalies,
        "failed_attempts": reply.failed_attempts,
        "leftover": reply.leftover.decode("utf-8", "backslashreplace"),
        "choices": choices,
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "text": choice.text,
        "reasoning": choice.reasoning or None,
        "refusal": choice.refusal or None,
        "plan": choice.plan or None,
        "tool_calls": [_shallow(call) for call in choice.tool_calls],
        "finish_reason": choice.finish_reason,
        "logprobs": choice.logprobs,
        "parts": [part_json(part) for part in choice.parts],
    }


def part_json(part: Part) -> dict[str, Any]:
    """Return a part with its kind as ``type``; the bytes of an image or a sound in base64."""
    values = {"type": PART_TYPES[type(part)], **_shallow(part)}
    return values | {"data": b64encode(part.data).decode()} if isinstance(part, MediaPart) else values


def _shallow(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _error(error: Exception | None) -> dict[str, Any] | None:
    return None if error is None else {"type": type(error).__name__, "message": str(error)}
