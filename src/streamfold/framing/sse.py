r"""Server-sent events: bytes into events, by WHATWG HTML 9.2.6.

Nearly every event of a model's stream is one ``data:`` line and a blank line. Such an event is handed on as the bare
bytes of its data; one with a type, an id or a retry time is a `ServerSentEvent`. The short way cuts at blank lines with
``bytes.split`` and takes each block that is a lone ``data:`` line; anything else is read line by line. Shorter still is
the way of a read that is one event: what stands around the data is learnt from one, and `SSE.shape` says that the next
may be looked at for it.

Beyond the standard, because servers of models do it:

- an event that the end of the stream left without its blank line is delivered by `close` (the standard drops it), and
  `unterminated` says so: it often holds the finish reason;
- a field ``error`` becomes an event of that type (llama-box), and so does a block of bare JSON (Vertex AI): the
  standard ignores both, and the error would be lost;

- a body without a single line that an event stream has, such as a proxy's HTML page or a sentence, is a `FramingError`
  when it ends, and `rest` keeps it: by the standard it is a stream of no events.

Comments are counted, not kept. Time is linear in the bytes, memory one event; `limit` bounds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import FramingError, LimitError
from . import BOM, NO_SHAPE, Shape
from .lines import Lines


@dataclass(slots=True)
class ServerSentEvent:
    """An event that has more to say than its data.

    Attributes:
        data: The data, UTF-8 as it came.
        event: The event's type; ``"message"`` where none was given.
        id: The last event id at this point of the stream (``Last-Event-ID``).
        retry: The reconnection time that this event sets, in milliseconds.
    """

    data: bytes
    event: str = "message"
    id: str = ""
    retry: int | None = None


MAX_EVENT_BYTES = 32 * 1024 * 1024
"""Protects memory: an event is held until it ends. Images arrive as one line of base64."""

MAX_RETRY_DIGITS = 18
"""Protects from a number that takes long to read; it is 30 million years."""

MAX_FOREIGN_BYTES = 64 * 1024
"""Protects memory: of a body that is no event stream, so much is kept, to show what it is."""

MAX_SHOWN_BYTES = 120
"""Keeps the sentence of an error short."""

Frame = bytes | ServerSentEvent | FramingError
_FIELDS = (b"data", b"event", b"id", b"retry", b"error")
_HEAD = re.compile(rb"(?:event:[^\r\n]*\r?\n)?data: ")  # what may stand before data that is one line
_LF, _CR = b"\n\r"  # as numbers: `10 in data` is one memchr, `b"\n" in data` ten times as slow


class SSE:
    """Cut bytes into server-sent events.

    Args:
        limit: The largest event that is taken, in bytes.

    Attributes:
        last_event_id: What a reader sends as ``Last-Event-ID`` to resume here.
        retry: The reconnection time that the server asked for last, in milliseconds.
        n_comments: How many comment lines came; servers send them to keep a connection alive.
        unterminated: Whether `close` delivered an event that had no blank line after it.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.last_event_id = ""
        self.retry: int | None = None
        self.n_comments = 0
        self.unterminated = False
        self._foreign = bytearray()
        self._is_stream = False
        self._limit = limit
        self._failed = False
        self._shape = NO_SHAPE
        self._lines = Lines()
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a byte order mark
        self._reset()

    @property
    def shape(self) -> Shape:
        """How the next read looks if it is one event like the last one, whose type it then has."""
        return self._shape if self._is_between_events() else NO_SHAPE

    def feed(self, data: bytes) -> list[Frame]:
        """Return the events that `data` completes; the last one is a `LimitError` if an event is too large."""
        if self._failed:
            return []
        if self._start is not None:
            data = self._without_bom(data)
        whole = self._lines.feed(data)
        frames: list[Frame] = []
        if whole:
            if self._open or self.last_event_id or len(whole) > self._limit:
                self._read_lines(whole, frames)
            else:
                self._read_blocks(whole, frames)
        if self._lines.size > self._limit:
            self._fail("line", self._lines.size, frames)
        self._is_stream = self._is_stream or bool(frames)
        if len(frames) == 1 and self._is_between_events() and (head := _HEAD.match(data)):
            self._shape = Shape(head[0], b"\r\n\r\n" if data.endswith(b"\r\n\r\n") else b"\n\n", self._limit)
        return frames

    def close(self) -> list[Frame]:
        """Return the event that the end of the stream left unfinished, if there is one.

        If nothing of what came belongs to an event stream, return a `FramingError`.
        """
        frames: list[Frame] = []
        if self._failed:
            return frames
        rest = self._lines.close()  # `_start` can only be half a byte order mark
        if not self._open and any(name.startswith(rest) and name != rest for name in _FIELDS):
            rest = b""  # cut inside a field's name
        resume_at = self.last_event_id
        self._start = None
        self._read_lines(rest + b"\n\n", frames)
        self.last_event_id = resume_at  # the standard counts only what was whole
        self.unterminated = bool(frames)
        if self._foreign and not self._is_stream and not frames:
            frames.append(FramingError(f"not server-sent events: {bytes(self._foreign[:MAX_SHOWN_BYTES])!r}", 0))
        return frames

    @property
    def rest(self) -> bytes:
        """Of a body that is no event stream: its beginning."""
        return b"" if self._is_stream else bytes(self._foreign)

    def _is_between_events(self) -> bool:
        """Whether the next event may be read on its own: nothing is open, held, or to be handed on with it."""
        busy = self._open or self._failed or self._start is not None or self.last_event_id
        return self._is_stream and not busy and self._lines.is_empty

    def _without_bom(self, data: bytes) -> bytes:
        start = (self._start or b"") + data
        if len(start) < len(BOM) and BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(BOM)

    def _reset(self) -> None:
        self._open = False
        self._size = 0
        self._data: list[bytes] = []
        self._stray: list[bytes] = []
        self._event = b""
        self._id: bytes | None = None
        self._block_retry: int | None = None

    def _read_blocks(self, whole: bytes, frames: list[Frame]) -> None:
        blocks = whole.split(b"\n\n")
        rest = blocks.pop()
        for block in blocks:
            if block.startswith(b"data: ") and _LF not in block and not self.last_event_id:
                frames.append(block[6:])
            else:
                self._read_lines(block + b"\n\n", frames)
        if rest:
            self._read_lines(rest, frames)

    def _read_lines(self, lines: bytes, frames: list[Frame]) -> None:
        for line in lines[:-1].split(b"\n"):
            if not line:
                if self._open:
                    self._dispatch(frames)
                continue
            if len(line) > self._limit:
                self._fail("line", len(line), frames)
                return
            self._read_field(line)
            if self._size > self._limit:
                self._fail("event", self._size, frames)
                return

    def _fail(self, what: str, size: int, frames: list[Frame]) -> None:
        if not self._failed:
            frames.append(LimitError(what, size, self._limit))
        self._failed = True
        self._reset()

    def _read_field(self, line: bytes) -> None:
        if line.startswith(b":"):
            self.n_comments += 1
            self._is_stream = True
            return
        self._open = True
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id":
            if b"\0" not in value:
                self._id = value
        elif name == b"retry":
            if value.isdigit() and len(value) <= MAX_RETRY_DIGITS:
                self._block_retry = self.retry = int(value)
        elif name == b"error":
            self._stray.append(value)
        elif self._stray or line.startswith(b"{"):
            self._stray.append(line)
        elif not self._is_stream and len(self._foreign) < MAX_FOREIGN_BYTES:
            self._foreign += line[:MAX_FOREIGN_BYTES] + b"\n"
        self._is_stream = self._is_stream or name in _FIELDS
        self._size += len(line)

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._id is not None:
            self.last_event_id = self._id.decode("utf-8", "replace")
        event = self._event.decode("utf-8", "replace") or "message"
        retry = self._block_retry
        if self._data:
            data = b"\n".join(self._data)
            if event == "message" and not self.last_event_id and retry is None:
                frames.append(data)
            else:
                frames.append(ServerSentEvent(data, event, self.last_event_id, retry))
        if self._stray:
            frames.append(ServerSentEvent(b"\n".join(self._stray), "error", self.last_event_id))
        self._reset()
