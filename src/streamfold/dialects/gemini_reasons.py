"""Why a Gemini model stopped, or did not begin.

Enumerations are numbers where the request asked for it (``enum-encoding=int``, as Google's REST transports do). They
mean one thing in the Gemini API and in Vertex AI up to 5, and no further: ``google.ai.generativelanguage`` and
``google.cloud.aiplatform``, FinishReason and BlockedReason.
"""

from __future__ import annotations

from typing import Any

from ..reply import Verdict
from .fields import count, word

VERDICTS = {
    "MAX_TOKENS": Verdict.LENGTH,
    "CONTINUATION": Verdict.LENGTH,
    "SAFETY": Verdict.FILTERED,
    "RECITATION": Verdict.FILTERED,
    "BLOCKLIST": Verdict.FILTERED,
    "PROHIBITED_CONTENT": Verdict.FILTERED,
    "SPII": Verdict.FILTERED,
    "MODEL_ARMOR": Verdict.FILTERED,
    "ESCALATION": Verdict.FILTERED,
    "PUP_LIMITED_DISABLED": Verdict.FILTERED,
    "IMAGE_SAFETY": Verdict.FILTERED,
    "IMAGE_PROHIBITED_CONTENT": Verdict.FILTERED,
    "IMAGE_RECITATION": Verdict.FILTERED,
    "LANGUAGE": Verdict.ERRORED,
    "OTHER": Verdict.ERRORED,
    "MALFORMED_FUNCTION_CALL": Verdict.ERRORED,
    "MALFORMED_RESPONSE": Verdict.ERRORED,
    "UNEXPECTED_TOOL_CALL": Verdict.ERRORED,
    "TOO_MANY_TOOL_CALLS": Verdict.ERRORED,
    "MISSING_THOUGHT_SIGNATURE": Verdict.ERRORED,
    "IMAGE_OTHER": Verdict.ERRORED,
    "NO_IMAGE": Verdict.ERRORED,
}
"""What a finish reason means; any other is ``STOP``, or one that is new."""

_FINISH = ("UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
_FINISH_GEMINI = (
    *_FINISH,
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
)
_FINISH_VERTEX = (
    *_FINISH,
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
)
_BLOCKED = ("UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT")


def finish_reason(value: Any, *, vertex: bool) -> str | None:
    """Return the name of a finish reason; ``None`` if nothing has ended."""
    return _name(value, _FINISH_VERTEX if vertex else _FINISH_GEMINI)


def block_reason(value: Any) -> str | None:
    """Return the name of the reason for which a prompt was blocked; ``None`` if it was not."""
    return _name(value, _BLOCKED)


def _name(value: Any, names: tuple[str, ...]) -> str | None:
    number = count(value)
    if number is not None:
        value = names[number] if number < len(names) else str(number)
    name = word(value)
    return None if name is None or name.endswith("UNSPECIFIED") else name
