"""From wire bytes to events: framing, dialect and fold in one pure object.

``feed(data)`` takes bytes cut anywhere and returns what can be handed on; ``close()`` returns the rest. What goes wrong
on the wire is not raised but folded: it ends the stream with a verdict and the text so far.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from .detection import MAX_SNIFF_BYTES, dialect_named, dialect_of, find_framing, unknown_dialect
from .dialects.json_dialect import NOT_PLAIN, JSONDialect, decode
from .dialects.openai_chat import OpenAIChat
from .errors import ChunkTypeError, DialectError, FramingError, StreamfoldError
from .folding import Fold, Shown
from .folding.deltas import END, Delta
from .framing import BOM, JSON_SPACE, NO_SHAPE, Frame, Framing, told
from .framing.sse import SSE
from .reply import Verdict
from .signals import Seam, ShowFailed

_LF, _CR = b"\n\r"  # as numbers: `10 in data` is one memchr, `b"\n" in data` ten times as slow


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
        self._n_shown = self._n_bytes = 0  # by `run`
        self._content_type = content_type
        self._start = bytearray()
        self._awaits_line = False  # whether only the end of a line can tell the framing
        self._waiting: list[Frame] = []
        self._n_waiting = 0  # bytes
        self._stranger: bytes | None = None  # the first frame that says something in no known dialect
        self._framing: Framing | None = None
        self._dialect: JSONDialect | None = None
        self._plain: Callable[[bytes], Delta | None] = _no_event  # the short way, like what `_expect` sets
        self._frames: Callable[[bytes], Sequence[Frame]] = self._find_framing
        self._deltas: Callable[[Sequence[Frame]], list[Delta]] = self._find_dialect
        self._events = self.fold.feed
        if dialect is not None:
            self._dialect = dialect_named(dialect)() if isinstance(dialect, str) else dialect
            self._speak(self._dialect, named=True)
        self._expect(None)

    def feed(self, data: bytes) -> Shown:
        """Take the next bytes in; return what can be handed on."""
        taken = self.take(data)
        return [taken] if isinstance(taken, str) else taken

    def take(self, data: bytes) -> Shown | str:
        """Do what `feed` does; return one piece of text, as there is nearly always, without a list around it."""
        if type(data) is not bytes:
            if isinstance(data, Seam):
                self._reconnect(data)
                return []
            if not isinstance(data, bytes | bytearray | memoryview):
                return self._events([ChunkTypeError(data, expected="bytes")])
            data = bytes(data)
        # Nearly every read is one event, which is one piece of text.
        value = data.removeprefix(self._head).removesuffix(self._tail)
        size = len(data)
        if size - len(value) != self._around or size > self._limit or _LF in value or _CR in value:
            found = self._one(data)
            if found is None:
                return self._feed_any(data)
            value = found
        try:
            delta = self._plain(value)
        except NOT_PLAIN:
            return self._feed_any(data, missed=True)
        append = self.fold.append
        if append is None or type(delta) is not str or append(delta) is not None:
            return self._feed_one(delta)
        return delta

    def run(self, reads: Iterable[Any], show: Callable[[str], object]) -> Shown:
        """Do as `Intake.run` says: `take` and the loop around it in one frame, for text that comes one frame a read."""
        append = self.fold.append or _refuse
        head, tail, around, limit, plain = self._head, self._tail, self._around, self._limit, self._plain
        n_shown = n_bytes = 0
        try:
            for data in reads:
                if type(data) is not bytes:
                    if isinstance(data, bytes | bytearray | memoryview):
                        data = bytes(data)
                        n_bytes += len(data)
                    return self.feed(data)
                size = len(data)
                n_bytes += size
                value = data.removeprefix(head).removesuffix(tail)
                if size - len(value) != around or size > limit or _LF in value or _CR in value:
                    taken = self.take(data)
                    if not isinstance(taken, str):
                        return taken
                    text = taken
                else:
                    try:
                        delta = plain(value)
                    except NOT_PLAIN:
                        return self._feed_any(data, missed=True)
                    if type(delta) is not str or append(delta) is not None:
                        return self._feed_one(delta)
                    text = delta
                n_shown += 1
                try:
                    outcome = show(text)
                except Exception as error:
                    raise ShowFailed from error
                if outcome is not None and isinstance(outcome, Awaitable):
                    raise ShowFailed(outcome)
        finally:
            self._n_shown += n_shown
            self._n_bytes += n_bytes
        raise StopIteration

    def counted(self) -> tuple[int, int]:
        """Return how many pieces of text `run` has shown since it was asked last, and how many bytes it has taken."""
        counted, self._n_shown, self._n_bytes = (self._n_shown, self._n_bytes), 0, 0
        return counted

    def _feed_one(self, delta: Delta | None) -> Shown:
        """Take in what a plain frame says; what it counts comes after it, since it may be the end."""
        assert self._dialect is not None
        counted = self._dialect.unread_usage()
        return self._events([*counted] if delta is None else [delta, *counted])

    def _feed_any(self, data: bytes, *, missed: bool = False) -> Shown:
        frames = self._frames(data)
        self.n_more += len(frames) - 1
        if self.fold.raw is not None:
            self.fold.raw += map(_data, frames)
        deltas = self._dialect.feed_missed(frames) if missed and self._dialect else self._deltas(frames)
        self._expect(self._dialect)
        return self._events(deltas)

    def _expect(self, dialect: JSONDialect | None) -> None:
        """Take the short way with the next read, if it is known and may be taken."""
        shape, self._one = NO_SHAPE, _no_event
        if dialect is not None and dialect.is_typed and self.fold.raw is None:
            self._plain = dialect.plain
            shape = getattr(self._framing, "shape", NO_SHAPE)
            self._one = getattr(self._framing, "one", _no_event)
        self._head, self._tail, self._limit = shape
        self._around = len(self._head) + len(self._tail)

    def close(self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`. See `Fold.close`."""
        if self.fold.ended:
            return self.fold.close(verdict, error, self._framing.rest if self._framing else b"")
        frames = list(self._find_framing(b"", at_end=True)) if self._framing is None else []
        rest = b""
        if self._framing is not None:
            rest = self._framing.rest
            closing = self._framing.close()
            frames += closing
            rest = b"" if closing else rest  # what was unfinished is a frame all the same
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

    def _reconnect(self, seam: Seam) -> None:
        """Expect the same stream over another response.

        If that begins with the next event, what came of one that is not whole is dropped: it comes again.
        """
        if seam.at == "event" and self._framing is not None:
            self._framing = type(self._framing)()
            self._frames = self._framing.feed
            self._one = _no_event

    def _find_framing(self, data: bytes, *, at_end: bool = False) -> Sequence[Frame]:
        """Hold the first bytes until they tell the framing, which takes it from there."""
        self._start += data
        is_short = len(self._start) < MAX_SNIFF_BYTES and not at_end
        if self._awaits_line and is_short and _LF not in data:
            return []
        start = bytes(self._start)
        found = find_framing(start, self._content_type, at_end=at_end)
        if found is None:
            self._awaits_line = start.removeprefix(BOM).lstrip(JSON_SPACE).startswith(b"{")
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
        self._speak(self._dialect, named=False)
        return [unknown_dialect(self._stranger)]

    def _release(self, more: Sequence[Frame]) -> list[Delta]:
        """Let the dialect have the frames that were held, and `more`."""
        assert self._dialect is not None
        waiting, self._waiting = [*self._waiting, *more], []
        self._speak(self._dialect, named=bool(waiting))
        return self._deltas(waiting)

    def _speak(self, dialect: JSONDialect, *, named: bool) -> None:
        """Let `dialect` read the frames from here; the reply tells its name if it is `named`."""
        if named:
            self.fold.dialect = dialect.NAME
        self.fold.unread_usage = dialect.unread_usage
        self._deltas = dialect.feed

    def _dialect_of(self, frame: Frame) -> JSONDialect | None:
        if isinstance(frame, FramingError):
            return OpenAIChat()
        event, data = told(frame)
        values, _, garbage = decode(data) if data.strip() not in (b"", b"[DONE]") else ([], 0, "")
        value = values[0] if values and isinstance(values[0], Mapping) else {}
        found = dialect_of(value, event)
        # An OpenAI chunk without choices (usage, Azure's filters) does not tell whether it is of a chat.
        strange = value and not garbage and "ping" not in (event, value.get("type")) and value.get("choices") != []
        if found is None and strange and self._stranger is None:
            self._stranger = data
        return found


def _refuse(text: str) -> bool:
    """Append nothing: the text has to be looked at."""
    return False


def _no_event(data: bytes) -> None:
    """Find no event in a read: the framing is unknown, or has no short way."""


def _data(frame: Frame) -> bytes:
    return b"" if isinstance(frame, FramingError) else told(frame)[1]
