"""A short stream in OpenAI's chat format, to be cut and mangled, and what each beginning of it holds.

Its chunks have only what a client needs: each byte of it is cut at.
"""

import json
from typing import Any

PIECES = ("The", " capital", " is", " ha", " ha", ' "\U0001f600"', ".")
TEXT = "".join(PIECES)


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def text_event(text: str) -> bytes:
    return event({"choices": [{"delta": {"content": text}}]})


FINISH = event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
DONE = b"data: [DONE]\n\n"
EVENTS = (*map(text_event, PIECES), FINISH, DONE)
WIRE = b"".join(EVENTS)
FINISHED = len(WIRE) - len(DONE) - len(b"\n\n")
"""From so many bytes on the finish reason has come; its blank line is not needed."""


def text_before(size: int) -> str:
    """Return the text of all events that lie whole within the first `size` bytes."""
    parts, end = [], 0
    for piece in PIECES:
        end += len(text_event(piece))
        if end <= size:
            parts.append(piece)
    return "".join(parts)
