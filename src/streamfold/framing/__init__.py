"""Framings: bytes, cut anywhere, into whole frames. One file each, named after the format.

All have the same two verbs: ``feed(data)`` returns the frames that `data` completes, ``close()`` what the end of the
stream left. A frame is bare bytes, or bytes with more to say: a record with at least ``event`` and ``data``. What is
wrong on the wire is a frame too, the last one: a `FramingError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..errors import FramingError


class Event(Protocol):
    """A frame that has more to say than its data."""

    @property
    def event(self) -> str:
        """What kind of frame it is, in the framing's own words; ``"message"`` if it does not say."""
        ...

    @property
    def data(self) -> bytes:
        """The data, as it came."""
        ...


Frame = bytes | Event | FramingError

BOM = b"\xef\xbb\xbf"
"""The byte order mark, which some servers send before everything else."""

JSON_SPACE = b" \t\r\n"
"""What may stand around a JSON value (RFC 8259, 2)."""


def told(frame: bytes | Event) -> tuple[str, bytes]:
    """Return what kind of frame `frame` is, and its data."""
    return ("message", frame) if isinstance(frame, bytes) else (frame.event, frame.data)


class Shape(NamedTuple):
    """How a read looks that is one frame and nothing else, as nearly all are: one line, and what stands around it.

    Attributes:
        head: What stands before the frame's data.
        tail: What stands after it.
        limit: The longest read that is taken.
    """

    head: bytes
    tail: bytes
    limit: int


NO_SHAPE = Shape(b"", b"", -1)
"""No read looks so."""


class Framing(Protocol):
    """What every framing has."""

    def feed(self, data: bytes) -> Sequence[Frame]:
        """Return the frames that `data` completes."""
        ...

    def close(self) -> Sequence[Frame]:
        """Return what the end of the stream left."""
        ...

    @property
    def rest(self) -> bytes:
        """What no frame was made of: the first part of one, or what the framing could not read."""
        ...


FRAMINGS = {
    "sse": "SSE",
    "ndjson": "NDJSON",
    "json_array": "JSONArray",
    "json_body": "JSONBody",
    "aws_eventstream": "AWSEventStream",
    "prefixed_lines": "PrefixedLines",
}
"""The table of all: from the name, which is also the file's, to the class in it."""
