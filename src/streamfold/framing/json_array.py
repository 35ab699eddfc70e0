r"""One JSON array as a stream: bytes into its elements, each as soon as it is whole, by RFC 8259.

::

    [{\r\n
      "candidates": [{"content": {"parts": [{"text": "Al"}], "role": "model"}}]\r\n
    }\r\n
    ,\r\n
    {\r\n
      "candidates": [{"content": {"parts": [{"text": "ice"}]}, "finishReason": "STOP"}]\r\n
    }\r\n
    ]

Gemini sends it where the request lacks ``alt=sse``. Only what parts one element from the next is read: brackets, the
commas of the array itself, and strings, inside which neither counts. An object or an array is handed on at its closing
bracket, anything else at the comma or bracket after it, without the white space around it. Whether an element is JSON
is for the dialect to say. A byte order mark before the array is ignored, as RFC 8259, 8.1 allows.

A body that does not start with ``[``, and anything after the ``]``, is a `FramingError`. An array that breaks off is
none: `JSONArray.ended` stays false, and `JSONArray.rest` keeps the element that was cut.

Nearly every read is one element, and a decoder of JSON reads all of it anyway: `JSONArray.one` lets that tell whether
it is. Any other element that a read has whole is one match of a regular expression (6 µs for 640 bytes); through one
that is cut, or nested more than `MATCHED_DEPTH` deep, a match leads from bracket to bracket, over all strings between
them (20 µs). The quantifiers are possessive, so no match ever goes back. Between reads only the depth and the place
inside a string are kept. Time is linear in the bytes however they are cut, memory one element; `limit` bounds it.
"""

from __future__ import annotations

import re

from ..errors import FramingError, LimitError
from . import BOM, JSON_SPACE

MAX_ELEMENT_BYTES = 32 * 1024 * 1024
"""Protects memory: an element is held until it ends. Images arrive as one string of base64."""

MATCHED_DEPTH = 12
"""How deep an element may be nested to be one match: the expression grows with it. Gemini's are 5 to 8 deep."""

Frame = bytes | FramingError
_OPENING, _CLOSING = b"[{", b"]}"
_BETWEEN = b"," + JSON_SPACE
_QUOTE, _BACKSLASH, _END = b'"\\]'  # as numbers, as indexing bytes gives them
_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'


def _run(others: bytes, depth: int = 0) -> bytes:
    """Return the expression for strings, `others`, and what stands in up to `depth` brackets inside each other."""
    inner = rb"|[\[{]" + _run(others, depth - 1) + rb"[\]}]" if depth else b""
    return others + rb'(?:(?:"' + _STRING + b'"' + inner + b")" + others + rb")*+"


_IN_STRING = re.compile(_STRING, re.DOTALL)
_IN_ARRAY = re.compile(_run(rb'[^",\[\]{}]*+'), re.DOTALL)
_IN_ELEMENT = re.compile(_run(rb'[^"\[\]{}]*+'), re.DOTALL)
_WHOLE = re.compile(_run(rb'[^"\[\]{}]*+', MATCHED_DEPTH) + rb"[\]}]", re.DOTALL)


class JSONArray:
    """Cut bytes into the elements of one JSON array.

    Args:
        limit: The largest element that is taken, in bytes.

    Attributes:
        ended: Whether the array's closing bracket came.
    """

    def __init__(self, limit: int = MAX_ELEMENT_BYTES) -> None:
        self.ended = False
        self._limit = limit
        self._failed = False
        self._offset = 0  # of the next read in the stream
        self._depth = 0  # 0 outside the array, 1 between its elements
        self._in_string = False
        self._escaped = False  # the last read ended in a backslash
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a byte order mark
        self._held = bytearray()
        self._plain_limit = -1  # the limit while the next read may be an element; otherwise no read is as short
        self._counted: bytes | None = None  # the read that `one` has counted already

    def one(self, data: bytes) -> bytes | None:
        """Return what stands between the commas of `data`: the element, if one whole element is all that it is.

        Whether it is one value, a JSON decoder says. Who cannot use it gives the same `data` to `feed`, which then
        reads it as if nothing had been.
        """
        if len(data) > self._plain_limit:
            return None
        self._counted = data
        self._offset += len(data)
        return data.strip(_BETWEEN)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the elements that `data` completes; the last one is a `FramingError` if it is no array."""
        frames: list[Frame] = []
        if self._failed:
            return frames
        if data is not self._counted:
            self._offset += len(data)
        self._counted = None
        if not self._depth and not self.ended:
            data = self._enter(data, frames)
        if self._depth:
            data = self._read(data, frames)
        if self.ended and not self._failed and (data := data.lstrip(JSON_SPACE)):
            self._refuse("nothing after the array", data, frames)
        self._plain_limit = self._limit if self._depth == 1 and not (self._held or self._failed) else -1
        return frames

    def close(self) -> list[Frame]:
        """Return nothing: an element that is not whole stays in `rest`."""
        return []

    @property
    def rest(self) -> bytes:
        """What came of the unfinished element; after a `FramingError`, the bytes from the wrong one on."""
        return (self._start or b"") + self._held

    def _enter(self, data: bytes, frames: list[Frame]) -> bytes:
        """Return what follows the opening bracket."""
        if self._start is not None:
            data = self._start + data
            if len(data) < len(BOM) and BOM.startswith(data):
                self._start = data
                return b""
            self._start = None
            data = data.removeprefix(BOM)
        data = data.lstrip(JSON_SPACE)
        if data.startswith(b"["):
            self._depth = 1
        elif data:
            self._refuse("[", data, frames)
        return data[1:]

    def _read(self, data: bytes, frames: list[Frame]) -> bytes:
        """Read inside the array; return what follows it."""
        start = at = 0  # where the element starts, and how far it is read
        if self._in_string:
            at = self._leave_string(data, 0)
        while at < len(data) and not self._failed:
            jump = _IN_ELEMENT if self._depth > 1 else _IN_ARRAY
            at = end = jump.match(data, at).end() + 1  # type: ignore[union-attr]  # it matches anywhere
            if at > len(data):
                break
            byte = data[at - 1]
            if byte == _QUOTE:  # of a string that does not end here, or the match would have gone on
                at = self._leave_string(data, at)
                continue
            if byte in _OPENING:
                whole = _WHOLE.match(data, at) if self._depth == 1 else None
                if whole is None:
                    self._depth += 1
                    continue
                at = end = whole.end()
            elif self._depth > 2:
                self._depth -= 1
                continue
            elif self._depth == 1:
                end -= 1
            self._take(data[start:end], frames)
            if self._depth == 1 and byte in _CLOSING:
                return self._leave(data[end:], frames)
            self._depth = 1
            start = at
        if not self._failed:
            self._hold(data[start:], frames)
        return b""

    def _leave_string(self, data: bytes, at: int) -> int:
        """Return where the string that is open at `at` is left: after its quote, or at the end of `data`."""
        self._in_string = True
        if self._escaped and at < len(data):
            self._escaped = False
            at += 1
        at = _IN_STRING.match(data, at).end()  # type: ignore[union-attr]  # it matches anywhere
        if at == len(data):
            return at
        self._in_string = data[at] != _QUOTE
        self._escaped = data[at] == _BACKSLASH  # the last byte
        return at + 1

    def _leave(self, data: bytes, frames: list[Frame]) -> bytes:
        """Leave the array at the closing bracket that `data` starts with; return what follows it."""
        if self._failed:
            return b""
        if data[0] != _END:
            self._refuse("an element", data, frames)
            return b""
        self._depth = 0
        self.ended = True
        return data[1:]

    def _take(self, piece: bytes, frames: list[Frame]) -> None:
        """Hand on the element whose last bytes are `piece`."""
        if self._held:
            piece = bytes(self._held) + piece
            self._held = bytearray()
        piece = piece.lstrip(JSON_SPACE)
        if len(piece) > self._limit:
            self._fail(LimitError("element", len(piece), self._limit), frames)
        elif piece := piece.rstrip(JSON_SPACE):
            frames.append(piece)

    def _hold(self, piece: bytes, frames: list[Frame]) -> None:
        self._held += piece if self._held else piece.lstrip(JSON_SPACE)
        if len(self._held) > self._limit:
            self._fail(LimitError("element", len(self._held), self._limit), frames)
            self._held.clear()

    def _refuse(self, wanted: str, data: bytes, frames: list[Frame]) -> None:
        """Report that `data`, the end of the read, does not start with what it must."""
        error = FramingError(f"not a JSON array: {data[:1]!r} where {wanted} should be", self._offset - len(data))
        self._fail(error, frames)
        self._held = bytearray(data)

    def _fail(self, error: FramingError, frames: list[Frame]) -> None:
        self._failed = True
        frames.append(error)
