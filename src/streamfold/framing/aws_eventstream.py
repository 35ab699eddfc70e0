r"""AWS event stream: bytes into binary messages, by Smithy's Amazon Event Stream specification.

::

    00 00 00 AA   length of the message, all of it       u32, big-endian, like every number
    00 00 00 52   length of its headers
    DA D0 68 86   prelude CRC: CRC-32 of the 8 bytes above
    0B ":event-type"   07 00 0C "messageStart"           headers: name, type of value, value
    0D ":content-type" 07 00 10 "application/json"
    0D ":message-type" 07 00 05 "event"
    {"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS","role":"assistant"}   payload
    72 03 3E 7B   message CRC: CRC-32 of all of the message above

Bedrock sends it (``application/vnd.amazon.eventstream``; https://smithy.io/2.0/aws/amazon-eventstream.html). Both sums
are checked. A prelude is judged before anything after it is kept: a wrong length is known by its sum, and a right one
that is too large or impossible by the limits. The errors' offset is that of the message; of a wrong header, its own.

A message that the end of the stream cut is no error: `AWSEventStream.rest` keeps it, and its reader says "truncated".

A stream repeats a few header blocks over and over, so each is read once and remembered. Time is linear in the bytes
however they are cut, memory one message and `MAX_KNOWN_HEADERS` short header blocks; `limit` bounds it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from ..errors import FramingError, LimitError

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""Protects memory: a message is held until it ends. The specification allows 24 MiB."""

MAX_HEADERS_BYTES = 128 * 1024
"""Protects from reading headers without end; the number is the specification's."""

MAX_KNOWN_HEADERS = 32
"""Protects memory: of so many different header blocks, what was read is remembered."""

MAX_KNOWN_PRELUDES = 1024
"""Protects memory: so many different preludes, which are of 12 bytes, are remembered to be right."""

MAX_KNOWN_HEADERS_BYTES = 1024
"""Protects memory: a longer header block is not remembered."""

Headers = Mapping[str, object]
_PRELUDE = struct.Struct(">III")
_SUM = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _SUM.size
_LENGTH = {6: 2, 7: 2}  # type of value: the size of the length before it
_SIZE = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # type of value: its size
_TRUE, _FALSE, _BYTES, _STRING, _UUID = 0, 1, 6, 7, 9


class AWSMessage(NamedTuple):
    """One message.

    Attributes:
        payload: What it carries, as it came.
        headers: Its headers in order. A value is a bool, an int (a timestamp: milliseconds since 1970), a str, or bytes
            (a UUID: 16 of them). Messages share them: they are to be read only.
    """

    payload: bytes
    headers: Headers

    @property
    def event(self) -> str:
        """What the message is: its `event_type` or `exception_type`, whichever it has; else ``"message"``."""
        return self.event_type or self.exception_type or "message"

    @property
    def data(self) -> bytes:
        """The payload: what an event's data is elsewhere."""
        return self.payload

    @property
    def message_type(self) -> str:
        """``event``, ``exception`` (one that the service's model names) or ``error`` (any other)."""
        return self._text(":message-type")

    @property
    def event_type(self) -> str:
        """What the event is; ``""`` for what is none."""
        return self._text(":event-type")

    @property
    def exception_type(self) -> str:
        """What the exception is, or the code of the error; ``""`` for an event."""
        return self._text(":exception-type") or self._text(":error-code")

    @property
    def content_type(self) -> str:
        """The media type of the payload; ``""`` where none was given."""
        return self._text(":content-type")

    def _text(self, name: str) -> str:
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


Frame = AWSMessage | FramingError


class AWSEventStream:
    """Cut bytes into messages.

    Args:
        limit: The largest message that is taken, in bytes.
    """

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._limit = limit
        self._failed = False
        self._offset = 0  # of the message that is not read yet, in the stream
        self._wanted = _PRELUDE.size  # with fewer bytes of it nothing can be told
        self._held = bytearray()
        self._known: dict[bytes, Headers] = {}
        self._events: set[bytes] = set()  # the known headers that are an event's
        self._counted: bytes | None = None  # the read that `one` has counted already

    def one(self, data: bytes) -> bytes | None:
        """Return the payload in `data`, if one whole event, with headers seen before, is all that it is.

        Who cannot use it gives the same `data` to `feed`, which then reads it as if nothing had been.
        """
        size = len(data)
        total, at = _lengths(data[: _PRELUDE.size])
        if total != size or size > self._limit or self._held or self._failed:
            return None
        if data[_PRELUDE.size : at] not in self._events:
            return None
        end = size - _SUM.size
        if _SUM.unpack_from(data, end)[0] != crc32(data[:end]):
            return None
        self._counted = data
        self._offset += size
        return data[at:end]

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that `data` completes; the last one is a `FramingError` if there is a wrong one."""
        frames: list[Frame] = []
        if data is self._counted:
            self._offset -= len(data)
        self._counted = None
        if self._failed:
            return frames
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return frames
            data = bytes(self._held)
            self._held = bytearray()
        end = self._read(data, frames)
        if end < len(data):
            self._held += data[end:]
        self._offset += end
        return frames

    def close(self) -> list[Frame]:
        """Return nothing: a message that is not whole stays in `rest`."""
        return []

    @property
    def rest(self) -> bytes:
        """What came of the unfinished message; after an error, the bytes from the wrong message on."""
        return bytes(self._held)

    def _read(self, wire: bytes, frames: list[Frame]) -> int:
        """Read the messages in `wire`; return where the last one ends, or the wrong one starts."""
        at = 0
        try:
            while at + _PRELUDE.size <= len(wire):
                total, n_headers, crc = _PRELUDE.unpack_from(wire, at)
                self._check_prelude(total, n_headers, crc, crc32(wire[at : at + 8]), self._offset + at)
                if at + total > len(wire):
                    self._wanted = total
                    return at
                frames.append(self._message(wire, at, at + total, n_headers))
                at += total
            self._wanted = _PRELUDE.size
        except FramingError as error:
            self._failed = True
            frames.append(error)
        return at

    def _check_prelude(self, total: int, n_headers: int, crc: int, computed: int, offset: int) -> None:
        if crc != computed:
            raise FramingError(f"the prelude CRC of a message is {crc:#010x}, its bytes have {computed:#010x}", offset)
        if total > self._limit:
            raise LimitError("message", total, self._limit, offset=offset)
        if n_headers > MAX_HEADERS_BYTES:
            raise LimitError("headers", n_headers, MAX_HEADERS_BYTES, offset=offset)
        if total < n_headers + _OVERHEAD:
            raise FramingError(f"a message of {total:,} bytes cannot have {n_headers:,} bytes of headers", offset)

    def _message(self, wire: bytes, start: int, end: int, n_headers: int) -> AWSMessage:
        crc = int.from_bytes(wire[end - 4 : end])
        computed = crc32(memoryview(wire)[start : end - 4])
        if crc != computed:
            what = f"the message CRC of a message is {crc:#010x}, its bytes have {computed:#010x}"
            raise FramingError(what, self._offset + start)
        start += _PRELUDE.size
        block = wire[start : start + n_headers]
        headers = self._known.get(block)
        if headers is None:
            headers = _read_headers(block, self._offset + start)
            if len(self._known) < MAX_KNOWN_HEADERS and n_headers <= MAX_KNOWN_HEADERS_BYTES:
                self._known[block] = headers
                if headers.get(":message-type") == "event":
                    self._events.add(block)
        return AWSMessage(wire[start + n_headers : end - 4], headers)


@lru_cache(MAX_KNOWN_PRELUDES)
def _lengths(prelude: bytes) -> tuple[int, int]:
    """Return the length of a message and where its payload starts; zeros if `prelude` is not right."""
    if len(prelude) < _PRELUDE.size:
        return 0, 0
    total, n_headers, crc = _PRELUDE.unpack(prelude)
    is_right = crc == crc32(prelude[:8]) and total >= n_headers + _OVERHEAD
    return (total, _PRELUDE.size + n_headers) if is_right else (0, 0)


def _read_headers(block: bytes, offset: int) -> Headers:
    """Read a header block, which lies at `offset` in the stream."""
    headers: dict[str, object] = {}
    at = 0
    while at < len(block):
        start = at
        at += 1 + block[at]
        name = block[start + 1 : at].decode("utf-8", "replace")
        if name in headers:
            raise FramingError(f"header {name!r} comes twice", offset + start)
        kind = block[at] if at < len(block) else _TRUE
        at += 1
        size = _SIZE.get(kind)
        if size is None:
            if kind not in _LENGTH:
                raise FramingError(f"header {name!r} has a value of unknown type {kind}", offset + start)
            size = int.from_bytes(block[at : at + 2])
            at += 2
        at += size
        if at > len(block):
            raise FramingError(f"header {name!r} ends past the headers, which are {len(block):,} bytes", offset + start)
        headers[name] = _value(kind, block[at - size : at])
    return headers


def _value(kind: int, value: bytes) -> object:
    if kind == _STRING:
        return value.decode("utf-8", "replace")
    if kind in (_BYTES, _UUID):
        return value
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE
    return int.from_bytes(value, signed=True)
