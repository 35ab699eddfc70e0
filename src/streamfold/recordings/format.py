r"""The format of a recording: what came over the wire, read by read, each with its time.

A file is a first line and then records, each appended in one write and never touched again::

    streamfold recording 1
    head 0 58 b033ce4f
    {"created":"2026-11-27T18:37:23Z","by":"streamfold 0.1.0"}
    read 482113 59 8b1200a6
    data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}
    <the empty line of the wire>

    end 931500 23 a9392af5
    {"reading":"exhausted"}

A record is a line that says what it is, when it was (in microseconds from the start), how many bytes follow and their
CRC-32; then these bytes as they are, and a line feed that is not of them. docs/recordings.md is the specification.

Why so: bytes need not be UTF-8 and are kept as they came, so nothing is escaped (JSON in JSON grows by a fifth) and
``grep -a`` finds in a file what was on the wire; a record costs about 27 bytes beside its own. The length and the
checksum, which covers the line as well, tell a torn last write, which is left out, from a file that was damaged in its
middle, which is an error.

Pure: `encode` gives bytes, `RecordReader` takes them, cut anywhere. What is wrong is a value, the last one.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from zlib import crc32

from ..errors import FramingError, LimitError
from ..folding.surrogates import has_surrogates

MAGIC = b"streamfold recording 1\n"
"""The first line; the number is the version of the format."""

MAX_RECORD_BYTES = 67_108_864
"""Bounds what is held for one record, whose length a damaged file may tell wrongly. No read is that long."""

MAX_LINE_BYTES = 64
"""Bounds the line before a record's bytes."""

Kind = Literal["head", "request", "response", "reconnect", "resume", "read", "text", "chunk", "end"]
_VERSION = re.compile(rb"streamfold recording \d{1,9}\n")
_LINE = re.compile(rb"([a-z]{1,16}) (\d{1,18}) (\d{1,18}) ([0-9a-f]{8})\n")


class Record(NamedTuple):
    """One record.

    Attributes:
        kind: What it is: a `Kind`, or one that a later streamfold writes, to be passed over.
        at: When, in microseconds from the start of the recording.
        data: Its bytes: of a ``read`` as they came, of a ``text`` in UTF-8, of all others a JSON value.
    """

    kind: str
    at: int
    data: bytes

    @property
    def value(self) -> Any:
        """The JSON value in `data`."""
        return json.loads(self.data)  # which knows half of a surrogate pair

    @property
    def text(self) -> str:
        """The text in `data`."""
        return self.data.decode("utf-8", "surrogatepass")


def encode(kind: Kind, at: int, data: bytes | str | Mapping[str, Any]) -> bytes:
    """Return one record as bytes, to be written at once. Text is written as UTF-8, a mapping as JSON."""
    if isinstance(data, str):
        content = data.encode("utf-8", "surrogatepass")
    else:
        content = data if isinstance(data, bytes) else _json(data)
    line = b"%s %d %d " % (kind.encode(), max(at, 0), len(content))
    return b"%s%08x\n%s\n" % (line, crc32(content, crc32(line)), content)


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    if has_surrogates(text):  # half of a pair can be written but as an escape
        text = json.dumps(value, default=_plain, separators=(",", ":"))
    return text.encode()


def _plain(value: object) -> str:
    """Return what JSON has no form for: bytes of a client's chunk in base64, which the dialects read."""
    return b64encode(value).decode() if isinstance(value, bytes) else repr(value)


class RecordReader:
    """Read the records of one file.

    Attributes:
        rest: What no record was made of: after `close`, the bytes of a torn last write.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._started = False
        self._failed = False

    @property
    def rest(self) -> bytes:
        """The bytes that no record was made of."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[Record | FramingError]:
        """Return the records that `data` completes."""
        found: list[Record | FramingError] = []
        self._buffer += data
        at = 0
        while not self._failed:
            try:
                at, record = self._next(at)
            except FramingError as error:
                self._failed = True
                found.append(error)
                break
            if record is None:
                break
            found.append(record)
        del self._buffer[:at]
        self._offset += at
        return found

    def _next(self, at: int) -> tuple[int, Record | None]:
        """Return the record that begins at `at`, and where the next one does; ``None`` if it is not all there."""
        if not self._started:
            if b"\n" not in self._buffer:
                return at, None
            self._check_version()
            self._started = True
            at = len(MAGIC)
        end_of_line = self._buffer.find(b"\n", at, at + MAX_LINE_BYTES) + 1
        if not end_of_line:
            if len(self._buffer) - at >= MAX_LINE_BYTES:
                raise FramingError("no record begins here", self._offset + at)
            return at, None
        line = bytes(self._buffer[at:end_of_line])
        found = _LINE.fullmatch(line)
        if found is None:
            raise FramingError(f"no record begins here but {line!r}", self._offset + at)
        size = int(found[3])
        if size > MAX_RECORD_BYTES:
            raise LimitError("record", size, MAX_RECORD_BYTES, offset=self._offset + at)
        end = end_of_line + size + 1
        if len(self._buffer) < end:
            return at, None
        content = bytes(self._buffer[end_of_line : end - 1])
        if crc32(content, crc32(line[: found.start(4)])) != int(found[4], 16) or self._buffer[end - 1] != 10:
            raise FramingError("a record is damaged: its checksum differs", self._offset + at)
        return end, Record(found[1].decode(), int(found[2]), content)

    def _check_version(self) -> None:
        line = bytes(self._buffer[: self._buffer.index(b"\n") + 1])
        if line != MAGIC:
            what = "another version of the format" if _VERSION.fullmatch(line) else "no recording"
            raise FramingError(f"{what}: it begins with {line[:40]!r}, not with {MAGIC!r}", 0)


def is_recording(start: bytes) -> bool:
    """Tell whether a file that begins with `start` is a recording, of whatever version, and not raw bytes."""
    name = MAGIC[: MAGIC.rindex(b" ") + 1]
    return bool(start) and (start.startswith(name) or name.startswith(start))
