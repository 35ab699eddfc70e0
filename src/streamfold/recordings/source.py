"""A file as a source: a recording, or the raw bytes of a stream such as curl writes.

Folded, it gives the reply that the live stream gave: the same chunks in the same order, and at their end what the
reader then knew, be it that nothing followed, that it left, that a deadline passed or that the network broke.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ..errors import CallerError, FramingError, ProviderError, SourceError, StreamfoldError
from ..reply import Verdict
from ..signals import ReadingEnded, Seam
from .format import Record, RecordReader, is_recording

RAW_READ = 65_536
"""Bytes: into pieces of this size raw bytes are cut, whose own cuts nobody wrote down."""

_MICRO = 1e6


@dataclass(slots=True)
class Chunk:
    """What one read brought.

    Attributes:
        at: When, in seconds from the start.
        data: Bytes of a wire, text, or a decoded chunk.
    """

    at: float
    data: Any


@dataclass(slots=True)
class Attempt:
    """One request and what it brought; a stream that is no request's has one as well.

    Attributes:
        at: When it began, in seconds from the start.
        request: What is told of the request, if there was one: ``method``, ``url``, ``parameters``.
        response: What is told of the response, once it came: ``status``, ``content_type``, ``headers``.
        answered_at: When it came.
        seam: How it goes on after the attempt before it, if it does not begin anew.
        chunks: What was read.
        end: How the reading ended, if it was written down: ``reading``, ``verdict``, ``error``, ``passed``.
        ended_at: When.
    """

    at: float = 0.0
    request: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    answered_at: float | None = None
    seam: Seam | None = None
    chunks: list[Chunk] = field(default_factory=list)
    end: Mapping[str, Any] | None = None
    ended_at: float | None = None


@dataclass(slots=True)
class Recording:
    """A stream that was written down. Iterate it, or hand it to `fold`, as often as you like.

    Example::

        reply = fold(Recording.open("reply.stream"))

    Attributes:
        attempts: What was asked; the last one is what is folded. At least one.
        head: When it was made, and by what; empty for raw bytes.
        is_raw: Whether the file holds no recording but the bytes of a stream.
        torn: How many bytes at its end a write left that was cut off.
        damage: What is wrong in its middle; what stood before it is there.
    """

    attempts: list[Attempt]
    head: Mapping[str, Any] = field(default_factory=dict)
    is_raw: bool = False
    torn: int = 0
    damage: FramingError | None = None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read a file, a recording or raw bytes.

        Raises:
            CallerError: It cannot be read.
        """
        try:
            return cls.parse(Path(path).read_bytes())
        except OSError as error:
            raise CallerError(f"cannot read {path}: {error.strerror}") from error

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the recording in `data`, or raw bytes as one."""
        if not is_recording(data):
            pieces = [data[at : at + RAW_READ] for at in range(0, len(data), RAW_READ)]
            return cls([Attempt(chunks=[Chunk(0.0, piece) for piece in pieces or [b""]])], is_raw=True)
        reader = RecordReader()
        found = cls([Attempt()])
        for record in reader.feed(data):
            if isinstance(record, FramingError):
                found.damage = record
            else:
                found._take(record)
        found.torn = 0 if found.damage else len(reader.rest)
        return found

    @property
    def last(self) -> Attempt:
        """The attempt that is folded."""
        return self.attempts[-1]

    @property
    def chunks(self) -> list[Chunk]:
        """What was read of the stream that is folded."""
        return [chunk for attempt in self._joined for chunk in attempt.chunks]

    @property
    def folded(self) -> Iterator[Chunk]:
        """What is to be folded: `chunks`, and what tells how they belong together."""
        first, *others = self._joined
        if first.seam is not None:
            yield Chunk(first.at, first.seam)
        if self.is_wire:
            yield Chunk(first.at, b"")  # it is bytes that follow, even if none do
        yield from first.chunks
        for attempt in others:
            yield Chunk(attempt.at, attempt.seam)
            yield from attempt.chunks

    @property
    def _joined(self) -> list[Attempt]:
        """The last attempt, after those whose stream it goes on with."""
        first = len(self.attempts) - 1
        while first and (seam := self.attempts[first].seam) is not None and seam.text is None:
            first -= 1
        return self.attempts[first:]

    @property
    def is_wire(self) -> bool:
        """Whether its chunks are bytes of a wire, even if there are none."""
        return self.last.request is not None or any(isinstance(chunk.data, bytes) for chunk in self.chunks)

    @property
    def content_type(self) -> str | None:
        """The HTTP header of the response, if it is known."""
        value = (self.last.response or {}).get("content_type")
        return value if isinstance(value, str) else None

    @property
    def fold_options(self) -> dict[str, Any]:
        """What is known of how it is folded; the drivers take it where their caller says nothing else."""
        named = {name: self.head.get(name) for name in ("dialect", "content_type")}
        named["dialect"] = named["dialect"] or (self.last.request or {}).get("dialect")
        named["content_type"] = named["content_type"] or self.content_type
        return {name: value for name, value in named.items() if isinstance(value, str)}

    def __iter__(self) -> Iterator[Any]:
        """Yield what was read, and raise `ReadingEnded` where the reading did not simply come to the end."""
        for chunk in self.folded:
            yield chunk.data
        if (ending := self.ending) is not None:
            raise ending

    @property
    def ending(self) -> ReadingEnded | None:
        """How the reading ended; ``None`` where it came to the end of the stream."""
        if self.damage is not None:
            return ReadingEnded(Verdict.ERRORED, self.damage)
        end = self.last.end
        if end is None:
            return None if self.is_raw else ReadingEnded(Verdict.TRUNCATED)  # nobody could write down how
        if end.get("reading") in (None, "exhausted"):
            return None
        verdict = end.get("verdict")
        passed = end.get("passed")
        return ReadingEnded(
            Verdict(verdict) if verdict in set(Verdict) else Verdict.CANCELLED,
            _error(end.get("error")),
            passed if isinstance(passed, str) else None,
        )

    def _take(self, record: Record) -> None:
        at = record.at / _MICRO
        last = self.last
        match record.kind:
            case "head":
                self.head = record.value
            case "request":
                if last.request is not None or last.chunks or last.end is not None:
                    last = Attempt()
                    self.attempts.append(last)
                last.request, last.at = record.value, at
            case "response":
                last.response, last.answered_at = record.value, at
            case "reconnect":
                last.seam = Seam(None, "byte" if record.data == b"byte" else "event")
            case "resume":
                last.seam = Seam(record.text)
            case "read":
                last.chunks.append(Chunk(at, record.data))
            case "text":
                last.chunks.append(Chunk(at, record.text))
            case "chunk":
                last.chunks.append(Chunk(at, record.value))
            case "end":
                last.end, last.ended_at = record.value, at


def _error(told: Any) -> StreamfoldError | None:
    """Return the error that was written down, as it was."""
    if not isinstance(told, Mapping):
        return None
    message = str(told.get("message"))
    if told.get("kind") == "ProviderError":
        names = ("type", "code", "status", "retryable", "body")
        return ProviderError(message, **{name: told[name] for name in names if name in told})
    if told.get("kind") == "SourceError":
        cause: type[Exception] = type(str(told.get("cause")), (Exception,), {})
        return SourceError(cause(message))
    return StreamfoldError(message)
