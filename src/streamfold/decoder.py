"""From wire bytes to events: framing, dialect and fold in one pure object.

``feed(data)`` takes bytes cut anywhere and returns what can be handed on; ``close()`` returns the rest. What goes wrong
on the wire is not raised but folded: it ends the stream with a verdict and the text so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .deltas import END, Delta
from .detection import MAX_SNIFF_BYTES, dialect_named, dialect_of, find_framing, unknown_dialect
from .dialects.json_dialect import NOT_PLAIN, JSONDialect, decode
from .dialects.openai_chat import OpenAIChat
from .errors import ChunkTypeError, DialectError, FramingError, StreamfoldError
from .folding import Fold, Shown
from .framing import Frame, Framing, told
from .framing.sse import SSE
from .reply import Verdict


class Decoder:
    """Decode one stream.

    Args:
        fold: Where the deltas go: it knows the stop sequences. ``fold.ended`` says that no more bytes are wanted,
            ``fold.reply`` is the reply so far.
        dialect: The dialect or its name, if it is known; otherwise the first frames tell.
        content_type: The value of the HTTP header; it helps to find the framing.

    Attributes:
        n_more: How many frames came beyond one for each read; below 0, where most reads brought only a part of one.

    Raises:
        CallerError: There is no such dialect.
    """

    def __init__(
        self, fold: Fold | None = None, *, dialect: JSONDialect | str | None = None, content_type: str | None = None
    ) -> None:
        self.fold = fold or Fold()
        self.n_more = 0
        self._content_type = content_type
        self._start = bytearray()
        self._waiting: list[Frame] = []
        self._n_waiting = 0  # bytes
        self._stranger: bytes | None = None  # the first frame that says something in no known dialect
        self._framing: Framing | None = None
        self._dialect: JSONDialect | None = None
        self._one: Callable[[bytes], bytes | None] = _no_event  # with `_plain`, the short way, once it is known
        self._plain: Callable[[bytes], Delta | list[Delta] | None]
        self._frames: Callable[[bytes], Sequence[Frame]] = self._find_framing
        self._deltas: Callable[[Sequence[Frame]], list[Delta]] = self._find_dialect
        self._events = self.fold.feed
        if dialect is not None:
            self._dialect = dialect_named(dialect)() if isinstance(dialect, str) else dialect
            self.fold.dialect = self._dialect.NAME
            self._deltas = self._dialect.feed

    def feed(self, data: bytes) -> Shown:
        """Take the next bytes in; return what can be handed on."""
        taken = self.take(data)
        return [taken] if isinstance(taken, str) else taken

    def take(self, data: bytes) -> Shown | str:
        """Do what `feed` does; return one piece of text, as there is nearly always, without a list around it."""
        if data.__class__ is not bytes:
            if not isinstance(data, bytes | bytearray | memoryview):
                return self._events([ChunkTypeError(data, expected="bytes")])
            data = bytes(data)
        value = self._one(data)  # nearly every read is one event, which is one piece of text
        if value is None:
            return self._feed_any(data)
        try:
            delta = self._plain(value)
        except NOT_PLAIN:
            return self._feed_any(data, missed=True)
        append = self.fold.append
        if append is None or type(delta) is not str:
            return self._events(delta if isinstance(delta, list) else [] if delta is None else [delta])
        append(delta)
        return delta

    def _feed_any(self, data: bytes, *, missed: bool = False) -> Shown:
        frames = self._frames(data)
        self.n_more += len(frames) - 1
        if self.fold.raw is not None:
            self.fold.raw += map(_data, frames)
        deltas = self._dialect.feed_missed(frames) if missed and self._dialect else self._deltas(frames)
        self._one = _no_event
        if self._dialect is not None and self.fold.raw is None and self._dialect.is_typed:
            self._one = getattr(self._framing, "one", _no_event)
            self._plain = self._dialect.plain
        return self._events(deltas)

    def close(self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`. See `Fold.close`."""
        if self.fold.ended:
            return self.fold.close(verdict, error, self._framing.rest if self._framing else b"")
        frames = list(self._find_framing(b"", at_end=True)) if self._framing is None else []
        rest = b""
        if self._framing is not None:
            rest = self._framing.rest
            frames += self._framing.close()
        if self.fold.raw is not None:
            self.fold.raw += map(_data, frames)
        deltas = self._deltas(frames) if self._dialect else self._find_dialect(frames, at_end=True)
        last = deltas[-1] if deltas else None
        if isinstance(last, DialectError) and self._stranger is None:
            deltas.pop()  # not a wrong frame but the first half of one
            rest = b"".join(map(_data, frames))
        elif isinstance(last, FramingError) and self._framing is not None:
            rest = self._framing.rest
        elif isinstance(self._framing, SSE) and self._framing.unterminated:
            self.fold.notes.add("the last event had no blank line after it")
        if self._dialect is not None:
            deltas += self._dialect.close()
            if self._dialect.ends_with_stream and verdict is Verdict.TRUNCATED and not (error or rest):
                deltas.append(END)
        return self.fold.feed(deltas) + self.fold.close(verdict, error, rest)

    @property
    def cursor(self) -> int | None:
        """The number of the last event, where the format counts them: whence the stream can be taken up again."""
        return self._dialect.cursor if self._dialect else None

    def reconnect(self) -> None:
        """Expect the same stream over another response, which begins with the next event.

        What came of an event that is not whole is dropped: it comes again.
        """
        if self._framing is not None:
            self._framing = type(self._framing)()
            self._frames = self._framing.feed
            self._one = _no_event

    def _find_framing(self, data: bytes, *, at_end: bool = False) -> Sequence[Frame]:
        """Hold the first bytes until they tell the framing, which takes it from there."""
        self._start += data
        start = bytes(self._start)
        found = find_framing(start, self._content_type, at_end=at_end)
        if found is None:
            return []
        self._start.clear()
        self._framing = found
        self._frames = found.feed
        return self._frames(start)

    def _find_dialect(self, frames: Sequence[Frame], *, at_end: bool = False) -> list[Delta]:
        """Hold the first frames until one tells the dialect, which takes it from there."""
        for at, frame in enumerate(frames):
            self._waiting.append(frame)
            self._n_waiting += len(_data(frame)) + 1  # an empty one is held too
            self._dialect = self._dialect_of(frame)
            if self._dialect is None and self._n_waiting >= MAX_SNIFF_BYTES:
                return self._give_up(frames[at + 1 :])
            if self._dialect is not None:
                return self._release(frames[at + 1 :])
        return self._give_up() if at_end else []

    def _give_up(self, more: Sequence[Frame] = ()) -> list[Delta]:
        """Take the stream for OpenAI's; if something strange was said in it, that is an error."""
        self._dialect = OpenAIChat()
        if self._stranger is None:
            return self._release(more)
        self._waiting.clear()
        self._deltas = self._dialect.feed
        return [unknown_dialect(self._stranger)]

    def _release(self, more: Sequence[Frame]) -> list[Delta]:
        """Let the dialect have the frames that were held, and `more`."""
        assert self._dialect is not None
        waiting, self._waiting = [*self._waiting, *more], []
        if waiting:
            self.fold.dialect = self._dialect.NAME
        self._deltas = self._dialect.feed
        return self._deltas(waiting)

    def _dialect_of(self, frame: Frame) -> JSONDialect | None:
        if isinstance(frame, FramingError):
            return OpenAIChat()
        event, data = told(frame)
        values, _, garbage = decode(data) if data.strip() not in (b"", b"[DONE]") else ([], 0, "")
        value = values[0] if values and isinstance(values[0], Mapping) else {}
        found = dialect_of(value, event)
        strange = value and not garbage and event != "ping" and value.get("type") != "ping"
        if found is None and strange and self._stranger is None:
            self._stranger = data
        return found


def _no_event(data: bytes) -> None:
    """Find no event in a read: the framing is unknown, or has no short way."""


def _data(frame: Frame) -> bytes:
    return b"" if isinstance(frame, FramingError) else told(frame)[1]
