"""Find out what a stream is: its framing from the first bytes, its dialect from the first frames.

Who knows better says so: a content type settles the framing where it can, a dialect that is named is not looked for. No
more is held back for this than `MAX_SNIFF_BYTES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from .dialects import ALIASES, DIALECTS
from .dialects.json_dialect import JSONDialect, decode
from .dialects.provider_errors import find_error
from .errors import CallerError, DialectError
from .framing import BOM, FRAMINGS, JSON_SPACE, Framing

MAX_SNIFF_BYTES = 65_536
"""Bounds what is held back before it is known what the stream is."""

AWS_PRELUDE_BYTES = 12

_BY_CONTENT_TYPE = {
    "text/event-stream": "sse",
    "application/vnd.amazon.eventstream": "aws_eventstream",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/stream+json": "ndjson",
}
_PREFIXED = re.compile(rb'[0-9a-z]:["\[{0-9tfn]')


def find_framing(start: bytes, content_type: str | None = None, *, at_end: bool = False) -> Framing | None:
    """Return the framing of a stream that starts with `start`; ``None`` if more bytes are needed to tell.

    Args:
        start: The first bytes.
        content_type: The value of the HTTP header, if there is one.
        at_end: Whether there are no more bytes.
    """
    start = start[:MAX_SNIFF_BYTES]  # what is beyond may or may not have come by now
    media_type = (content_type or "").partition(";")[0].strip().lower()
    name = _BY_CONTENT_TYPE.get(media_type) or _sniff(start.removeprefix(BOM).lstrip(JSON_SPACE))
    if name is None and (at_end or len(start) >= MAX_SNIFF_BYTES):
        name = "ndjson" if start.lstrip(JSON_SPACE).startswith(b"{") else "sse"
    return None if name is None else _framing(name)


def _framing(name: str) -> Framing:
    found: Framing = getattr(import_module(f".framing.{name}", __package__), FRAMINGS[name])()
    return found


def _sniff(start: bytes) -> str | None:
    if start.startswith(b"["):
        return "json_array"
    if start.startswith(b"{"):
        line, lf, _ = start.partition(b"\n")
        if not lf:
            return None
        return "json_body" if decode(line)[2] else "ndjson"  # a value over several lines: pretty-printed
    if start.startswith(b"\0"):  # the length of a message below 16 MiB
        return "aws_eventstream" if len(start) >= AWS_PRELUDE_BYTES else None
    if len(start) < 3:
        return None
    return "prefixed_lines" if _PREFIXED.match(start) else "sse"


def dialect_of(value: Mapping[str, Any], event: str = "message") -> JSONDialect | None:
    """Return the dialect that says `value`, in a frame whose event type is `event`; ``None`` if that does not tell."""
    for name in DIALECTS:
        found = dialect_named(name)
        if found.recognises(value, event):
            return found()
    # A stream that begins with an error may be anybody's; OpenAI's dialect knows how everybody says no.
    return dialect_named("openai_chat")() if event == "error" or find_error(value) else None


def unknown_dialect(frame: bytes | Mapping[str, Any]) -> DialectError:
    """Return the error for a stream that no dialect recognises, which begins with `frame`."""
    shown = frame if isinstance(frame, bytes) else repr(frame).encode()
    return DialectError("a known dialect", shown, f"name it, one of {', '.join(sorted(DIALECTS))}")


@cache
def dialect_named(name: str) -> type[JSONDialect]:
    """Return the dialect called `name`.

    Raises:
        CallerError: There is none; the message lists them.
    """
    name = ALIASES.get(name, name)
    if name not in DIALECTS:
        raise CallerError(f"no dialect {name!r}; there are {', '.join(sorted({*DIALECTS, *ALIASES}))}")
    module = import_module(f".dialects.{name}", __package__)
    found: type[JSONDialect] = getattr(module, DIALECTS[name])
    return found
