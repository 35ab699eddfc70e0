r"""Newline-delimited JSON: bytes into JSON texts, one a line, by the ndjson specification 1.0.0.

::

    {"model":"llama3","response":"A","done":false}\n
    {"model":"llama3","response":" quick","done":false}\n
    {"model":"llama3","response":"","done":true,"done_reason":"stop"}\n

Ollama and Cohere v1 send it, and it is how recordings of bare payloads are kept (JSON Lines). Only LF ends a line: a CR
before it, like a CR anywhere else between tokens, is JSON white space (RFC 8259, 2). White space around a text is cut
off, and a line of nothing else is no text. A byte order mark at the start is ignored, as RFC 8259, 8.1 allows. The text
is handed on as it came: whether it is JSON is for the dialect to say.

A last line without its LF is delivered by `NDJSON.close`, and `NDJSON.unterminated` says so: it often holds the finish
reason, and recordings leave the last LF out.

Time is linear in the bytes, memory one line; `limit` bounds it.
"""

from __future__ import annotations

from ..errors import FramingError, LimitError
from . import BOM, JSON_SPACE, Shape

MAX_LINE_BYTES = 32 * 1024 * 1024
"""Protects memory: a line is held until it ends. Images arrive as one line of base64."""

Frame = bytes | FramingError


class NDJSON:
    """Cut bytes into lines of JSON.

    Args:
        limit: The longest line that is taken, in bytes.

    Attributes:
        unterminated: Whether `close` delivered a line that had no LF after it.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.unterminated = False
        self._limit = limit
        self._failed = False
        self._is_first = True
        self._plain_limit = -1  # the limit while a read may be taken on its own; otherwise no line is as short
        self._held = bytearray()

    @property
    def shape(self) -> Shape:
        """How the next read looks if it is one line."""
        return Shape(b"", b"\n", self._plain_limit)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the texts that `data` completes; the last one is a `LimitError` if a line is too long."""
        line, end, rest = data.partition(b"\n")
        if end and not rest and len(line) <= self._plain_limit:
            line = line.strip(JSON_SPACE)
            return [line] if line else []  # the read is one line, as most reads are
        frames: list[Frame] = []
        if self._failed:
            return frames
        if end:
            self._read_lines(data, frames)
        else:
            self._held += data
        if len(self._held) > self._limit:
            self._fail(len(self._held), frames)
        self._plain_limit = -1 if self._held or self._is_first or self._failed else self._limit
        return frames

    def close(self) -> list[Frame]:
        """Return the text that the end of the stream left without its LF, if there is one."""
        frames: list[Frame] = []
        if self._held:
            self._read_lines(b"\n", frames)
        self.unterminated = bool(frames)
        return frames

    @property
    def rest(self) -> bytes:
        """The unfinished line; nothing after an error or `close`."""
        return bytes(self._held)

    def _read_lines(self, data: bytes, frames: list[Frame]) -> None:
        *lines, rest = data.split(b"\n")
        if self._held:
            lines[0] = bytes(self._held) + lines[0]
        self._held = bytearray(rest)
        for line in lines:
            if len(line) > self._limit:
                self._fail(len(line), frames)
                return
            if self._is_first:
                self._is_first = False
                line = line.removeprefix(BOM)
            if line := line.strip(JSON_SPACE):
                frames.append(line)

    def _fail(self, size: int, frames: list[Frame]) -> None:
        self._failed = True
        self._held.clear()
        frames.append(LimitError("line", size, self._limit))
