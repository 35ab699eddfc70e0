"""A short stream in OpenAI's chat format, to be cut and mangled, and what each beginning of it holds."""

import json

PIECES = ("", "The", " capital", " is", " ha", " ha", ' "Paris" \U0001f600', ".")
TEXT = "".join(PIECES)


def text_event(text: str) -> bytes:
    return _event({"index": 0, "delta": {"content": text}, "finish_reason": None})


def _event(choice: dict[str, object]) -> bytes:
    chunk = {"id": "c1", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


FINISH = _event({"index": 0, "delta": {}, "finish_reason": "stop"})
DONE = b"data: [DONE]\n\n"
EVENTS = (*map(text_event, PIECES), FINISH, DONE)
WIRE = b"".join(EVENTS)
FINISHED = len(WIRE) - len(DONE) - len(b"\n\n")
"""From so many bytes on the finish reason has come, its blank line not counted."""


def text_before(size: int) -> str:
    """Return the text of all events that lie whole within the first `size` bytes."""
    parts, end = [], 0
    for piece, event in zip(PIECES, EVENTS, strict=False):
        end += len(event)
        if end <= size:
            parts.append(piece)
    return "".join(parts)
