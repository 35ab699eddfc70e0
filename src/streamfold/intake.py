"""Take chunks of whatever type a source gives: the first chunk says what the source is.

Text goes to the fold as it is. Bytes are a wire and go through a `Decoder`, which is imported only then. A mapping is a
chunk that an SDK or an engine has already decoded. This is the whole of the drivers' core: they pull, feed, hand on and
close.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .deltas import Delta
from .errors import ChunkTypeError, StreamfoldError
from .events import TextDelta
from .folding import Fold, Shown
from .reply import Verdict
from .surrogates import has_surrogates


class Machine(Protocol):
    """What every kind of chunk has: two verbs."""

    def feed(self, chunk: Any, /) -> Shown:
        """Take the next chunk in; return what can be handed on."""

    def close(self, verdict: Verdict = ..., error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""


class Intake:
    """The machine for a source of which no chunk has been seen yet.

    Attributes:
        feed: Take the next chunk in; return what can be handed on.
    """

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.feed: Callable[[Any], Shown] = self._first
        self._machine: Machine = TextChunks(fold)

    def _first(self, chunk: Any) -> Shown:
        if isinstance(chunk, bytes | bytearray | memoryview):
            from .decoder import Decoder  # here, because text needs no JSON decoder

            self._machine = Decoder(self.fold)
        elif isinstance(chunk, Mapping):
            self._machine = ObjectChunks(self.fold)
        self.feed = self._machine.feed
        return self.feed(chunk)

    def close(self, verdict: Verdict | None = None, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`.

        Args:
            verdict: How the stream ended, as far as its reader knows; ``None`` where it ran to its own end.
            error: What broke it off.
        """
        if verdict is None:
            return self._machine.close()
        return self._machine.close(verdict, error)


class TextChunks:
    """Chunks that are the text itself; where they end, the text ends."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self._n_chunks = 0

    def feed(self, chunk: str) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        delta: Delta = chunk
        if not isinstance(chunk, str):
            delta = ChunkTypeError(chunk, self._n_chunks, "str, bytes or a mapping" if not self._n_chunks else "str")
        elif chunk.__class__ is not str or has_surrogates(chunk):
            delta = TextDelta(str.__str__(chunk))
        self._n_chunks += 1
        return self.fold.feed((delta,)) if delta != "" else []

    def close(self, verdict: Verdict = Verdict.COMPLETE, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        return self.fold.close(verdict, error)


class ObjectChunks:
    """Chunks of a dialect that somebody else has decoded."""

    def __init__(self, fold: Fold) -> None:
        from .dialects.openai_chat import OpenAIChat

        self.fold = fold
        self._dialect = OpenAIChat()

    def feed(self, chunk: Mapping[str, Any]) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        if not isinstance(chunk, Mapping):
            return self.fold.feed([ChunkTypeError(chunk, expected="a mapping")])
        return self.fold.feed(self._dialect.feed_object(chunk))

    def close(self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        return self.fold.close(verdict, error)
