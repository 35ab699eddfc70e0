"""Take chunks of whatever type a source gives: the first chunk says what the source is.

Text goes to the fold as it is. Bytes are a wire and go through a `Decoder`, which is imported only then. A mapping is a
chunk that an SDK or an engine has already decoded; an object of a client library is made one (`sources.objects`). This
is the whole of the drivers' core: they pull, feed, hand on and close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from .errors import ChunkTypeError, StreamfoldError
from .events import TextDelta
from .folding import Fold, Shown
from .folding.deltas import Delta
from .folding.surrogates import has_surrogates
from .reply import Verdict
from .signals import Seam
from .tags import THINK, Tag

if TYPE_CHECKING:
    from pathlib import Path

    from .clocks import Timeouts
    from .decoder import Decoder
    from .dialects.json_dialect import JSONDialect
    from .network.retry import RetryPolicy
    from .taps import Tap


_ANY = "str, bytes, a mapping or a client library's chunk"


class Options(TypedDict, total=False):
    """How a stream is folded, the same for every driver."""

    stop: str | Sequence[str] | None
    """The stop sequence, or several: the one whose last character comes first ends the stream."""
    include_stop: bool
    """Whether the text ends with the stop sequence that was found instead of before it."""
    tags: Sequence[Tag]
    """The tags in which a model may write its reasoning at the start of its text: `tags.THINK`; none with ``()``."""
    dialect: str | None
    """The name of the wire format, where it is known; otherwise the first frames tell."""
    content_type: str | None
    """The value of the HTTP header, where it is known; it helps to find the framing."""
    raw: bool
    """Whether to keep what the provider sent, frame by frame, as `Reply.raw`."""
    graphemes: bool
    """Whether to hand text on in whole grapheme clusters only; needs the extra ``[graphemes]``."""


class StreamOptions(Options, total=False):
    """How a stream is folded and driven."""

    timeouts: Timeouts | None
    """How long to wait; ``None`` is for ever. A source in this process has no limits unless some are given."""
    retry: RetryPolicy | None
    """What to do when a `Request` fails; ``None`` is to give up at once."""
    client: Any
    """The HTTP client to make requests with, instead of the one of ours: see `transports`."""
    taps: Sequence[Tap]
    """Who watches the stream go by: see `Tap`."""
    record: str | Path | None
    """A file to record the stream in, to be folded, replayed and inspected later: see `recordings`."""


class Machine(Protocol):
    """What every kind of chunk has: two verbs."""

    def feed(self, chunk: Any, /) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        ...

    def close(self, verdict: Verdict = ..., error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        ...


class Intake:
    """The machine for a source of which no chunk has been seen yet.

    Attributes:
        fold: Where everything goes.
        feed: Take the next chunk in; return what can be handed on.
        take: Do what `feed` does; may return one piece of text without a list around it.

    Raises:
        CallerError: One of the options cannot be meant.
    """

    def __init__(
        self,
        *,
        stop: str | Sequence[str] | None = None,
        include_stop: bool = False,
        tags: Sequence[Tag] = THINK,
        dialect: str | None = None,
        content_type: str | None = None,
        raw: bool = False,
        graphemes: bool = False,
    ) -> None:
        self.fold = Fold(stop, include_stop=include_stop, tags=tags, raw=raw)
        self.feed: Callable[[Any], Shown] = self._first
        self.take: Callable[[Any], Shown | str] = self._first
        self._dialect = None if dialect is None else _dialect_named(dialect)
        self._content_type = content_type
        self._machine: Machine = TextChunks(self.fold)
        self._wire: Decoder | None = None
        self._n_bytes = 0  # taken by `run`, but not by the wire's
        self._gate: Callable[[Shown], Shown] | None = None
        if graphemes:
            from .folding.graphemes import GraphemeGate

            self._gate = GraphemeGate().feed

    def _first(self, chunk: Any) -> Shown:
        if isinstance(chunk, Seam):
            return self.resume(chunk.text or "", 0)
        self._machine = self._machine_for(chunk)
        self.take = self.feed = self._machine.feed if self._gate is None else self._gated
        if self._gate is None and self._wire is not None:
            self.take = self._wire.take
        return self.feed(chunk)

    def run(self, chunks: Iterator[Any], show: Callable[[str], object]) -> Shown:
        """Take `chunks` and show their text, up to one that lets out anything else or the first; return that.

        Raises:
            ShowFailed: `show` raised, or returned what is to be awaited. Nothing is lost: go on with `run`.
            StopIteration: There are no more chunks. What `chunks` raises passes through.
        """
        if self._gate is None and self._wire is not None:
            return self._wire.run(chunks, show)
        chunk = next(chunks)
        self._n_bytes += len(chunk) if isinstance(chunk, bytes | bytearray | memoryview) else 0
        return self.feed(chunk)

    def counted(self) -> tuple[int, int]:
        """Return how many pieces of text `run` has shown since it was asked last, and how many bytes it has taken."""
        n_shown, n_bytes = self._wire.counted() if self._wire else (0, 0)
        n_bytes, self._n_bytes = n_bytes + self._n_bytes, 0
        return n_shown, n_bytes

    def _machine_for(self, chunk: Any) -> Machine:
        if isinstance(chunk, bytes | bytearray | memoryview):
            from .decoder import Decoder  # here, because text needs no JSON decoder

            self._wire = Decoder(self.fold, dialect=self._dialect, content_type=self._content_type)
            return self._wire
        if isinstance(chunk, str):
            return self._machine
        if type(chunk) is dict:
            return ObjectChunks(self.fold, self._dialect or _dialect_of_form(chunk))
        return _client_chunks(self.fold, chunk, self._dialect) or self._machine

    def begin_wire(self, content_type: str | None) -> None:
        """Expect bytes, even if none come; `content_type` is the value of the HTTP header."""
        self._content_type = self._content_type or content_type
        self._first(b"")

    def resume(self, text: str, n_handed: int) -> Shown:
        """Go on after `text`, which an earlier attempt brought; return what its reader has not had yet.

        Args:
            text: All the text that came.
            n_handed: How many characters of it the fold of that attempt had let out.
        """
        let_out = "".join(piece for piece in self.fold.resume(text) if isinstance(piece, str))
        more: Shown = [let_out[n_handed:]] if len(let_out) > n_handed else []
        if self._gate is None:
            return more
        self._gate([let_out[:n_handed]])  # which puts it in the state that the other one was in
        return self._gate(more)

    @property
    def n_more(self) -> int:
        """How many frames came beyond one for each read."""
        return self._wire.n_more if self._wire else 0

    @property
    def cursor(self) -> int | None:
        """The number of the last event that came, where the format counts them."""
        return self._wire.cursor if self._wire else None

    def _gated(self, chunk: Any) -> Shown:
        assert self._gate is not None
        return self._gate(self._machine.feed(chunk))

    def close(self, verdict: Verdict | None = None, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`.

        Args:
            verdict: How the stream ended, as far as its reader knows; ``None`` where it ran to its own end.
            error: What broke it off.
        """
        shown = self._machine.close() if verdict is None else self._machine.close(verdict, error)
        return shown if self._gate is None else self._gate(shown)


class TextChunks:
    """Chunks that are the text itself; where they end, the text ends."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self._n_chunks = 0

    def feed(self, chunk: str) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        self._n_chunks += 1
        append = self.fold.append
        if append is not None and type(chunk) is str and chunk and chunk.isascii() and append(chunk) is None:
            return [chunk]  # the short way
        delta: Delta = chunk
        if not isinstance(chunk, str):
            first = self._n_chunks == 1
            delta = ChunkTypeError(chunk, self._n_chunks - 1, _ANY if first else "str")
        elif type(chunk) is not str or has_surrogates(chunk):
            delta = TextDelta(str.__str__(chunk))
        return self.fold.feed((delta,)) if delta != "" else []

    def close(self, verdict: Verdict = Verdict.COMPLETE, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        return self.fold.close(verdict, error)


class ObjectChunks:
    """Chunks of a dialect that somebody else has decoded: mappings, or a client library's objects."""

    def __init__(self, fold: Fold, dialect: JSONDialect | None = None) -> None:
        self.fold = fold
        self._dialect = dialect
        self._waiting: list[Mapping[str, Any]] = []

    def feed(self, chunk: Any) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        if type(chunk) is not dict:
            from .sources.objects import wire_form

            chunk = wire_form(chunk)
            if not isinstance(chunk, Mapping):
                return [] if chunk is None else self.fold.feed([chunk])
        if self.fold.raw is not None:
            self.fold.raw.append(chunk)
        self._waiting.append(chunk)
        return self._read()

    def close(self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        shown = self._read(at_end=True) if self._waiting else []
        if self._dialect is not None:
            shown += self.fold.feed(self._dialect.close())
        return shown + self.fold.close(verdict, error)

    def _read(self, *, at_end: bool = False) -> Shown:
        from .detection import dialect_of, unknown_dialect

        if self._dialect is None:
            self._dialect = dialect_of(self._waiting[-1])
            if self._dialect is None:
                return self.fold.feed([unknown_dialect(self._waiting[0])]) if at_end else []
        self.fold.dialect = self._dialect.NAME
        waiting, self._waiting = self._waiting, []
        return [one for chunk in waiting for one in self.fold.feed(self._dialect.feed_object(chunk))]


def _client_chunks(fold: Fold, chunk: Any, dialect: JSONDialect | None) -> ObjectChunks | None:
    """Return the machine for chunks like `chunk`, if it is a mapping or a client library's."""
    from .sources.objects import dialect_of_kind, reader_of

    if reader_of(chunk.__class__) is None and not isinstance(chunk, Mapping):
        return None
    return ObjectChunks(fold, dialect or dialect_of_kind(chunk.__class__))


def _dialect_of_form(chunk: Mapping[str, Any]) -> JSONDialect | None:
    from .sources.objects import dialect_of_form

    return dialect_of_form(chunk)


def _dialect_named(name: str) -> JSONDialect:
    from .detection import dialect_named

    return dialect_named(name)()
