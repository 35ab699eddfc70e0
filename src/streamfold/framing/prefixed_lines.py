r"""Prefixed lines: bytes into parts of a kind and a JSON text each, by the AI SDK's data stream protocol v1.

::

    f:{"messageId":"msg-W7Cv9jeFJOKhydjfOWdtQ6sh"}\n
    0:"Let me"\n
    0:" add that up."\n
    9:{"toolCallId":"call_8E","toolName":"add","args":{"a":2,"b":3}}\n
    e:{"finishReason":"tool-calls","usage":{"promptTokens":190,"completionTokens":379},"isContinued":false}\n
    d:{"finishReason":"tool-calls","usage":{"promptTokens":190,"completionTokens":379}}\n

It is what the AI SDK up to version 4 sends to a page (header ``x-vercel-ai-data-stream: v1``; "Stream protocols" in its
documentation). The lines are cut as `NDJSON` cuts them, with its limit, and each is parted at its first colon. A prefix
is a few letters or digits; the protocol has single ones, and which of them mean something is for the dialect to say.

A line without a prefix is a `FramingError`, unless the end of the stream cut it short: then `PrefixedLines.rest` keeps
it. Time is linear in the bytes, memory one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..errors import FramingError
from .ndjson import MAX_LINE_BYTES, NDJSON

MAX_PREFIX_BYTES = 16
"""Protects from taking any line with a colon in it, such as one of a web page, for a part."""

MAX_SHOWN_BYTES = 120
"""Keeps the sentence of an error short."""


class PrefixedLine(NamedTuple):
    """One line.

    Attributes:
        prefix: What stands before the first colon: the kind of the part.
        payload: What stands after it: a JSON text, UTF-8 as it came.
    """

    prefix: str
    payload: bytes

    @property
    def event(self) -> str:
        """The prefix: what an event's type is elsewhere."""
        return self.prefix

    @property
    def data(self) -> bytes:
        """The payload: what an event's data is elsewhere."""
        return self.payload


Frame = PrefixedLine | FramingError


class PrefixedLines:
    """Cut bytes into lines of a prefix and a payload.

    Args:
        limit: The longest line that is taken, in bytes.

    Attributes:
        unterminated: Whether `close` delivered a line that had no LF after it.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.unterminated = False
        self._lines = NDJSON(limit)
        self._n_lines = 0
        self._failed = False
        self._left = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the lines that `data` completes; the last one is a `FramingError` if a line is too long or bare."""
        return [] if self._failed else self._parted(self._lines.feed(data))

    def close(self) -> list[Frame]:
        """Return the line that the end of the stream left without its LF, if it came as far as its payload."""
        if self._failed:
            return []
        left = self._lines.rest
        if _is_prefix(left.strip()):
            self._left = left
            return []
        frames = self._parted(self._lines.close())
        self.unterminated = bool(frames) and not self._failed
        return frames

    @property
    def rest(self) -> bytes:
        """The unfinished line; after `close` only if it was cut inside its prefix; after an error the wrong line."""
        return self._left if self._failed else self._left or self._lines.rest

    def _parted(self, lines: Iterable[bytes | FramingError]) -> list[Frame]:
        frames: list[Frame] = []
        for line in lines:
            if isinstance(line, FramingError):
                self._failed = True
                frames.append(line)
                break
            prefix, colon, payload = line.partition(b":")
            self._n_lines += 1
            if not colon or not _is_prefix(prefix):
                self._failed = True
                self._left = line
                frames.append(FramingError(f"line {self._n_lines:,} has no prefix: {line[:MAX_SHOWN_BYTES]!r}"))
                break
            frames.append(PrefixedLine(prefix.decode("ascii"), payload.lstrip(b" \t")))
        return frames


def _is_prefix(name: bytes) -> bool:
    return name.isalnum() and len(name) <= MAX_PREFIX_BYTES
