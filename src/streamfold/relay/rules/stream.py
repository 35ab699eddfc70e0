"""The state of a stream as a value, when it ends, and what a rule says shall become of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from ..errors import StreamGoneError, StreamNotFoundError
from .subscription import Subscription

T = TypeVar("T")


class Producer(msgspec.Struct, frozen=True, gc=False):
    """What an idempotent producer says of one batch (Durable Streams 5.2.1)."""

    id: str
    epoch: int
    seq: int


class Fork(msgspec.Struct, frozen=True, gc=False):
    """Where a fork's records before its own come from.

    Attributes:
        source: The path of the source stream.
        source_id: Its identity: a path can be used again, an id cannot.
        inherited: How many of its records the fork begins with.
        offset: The offset that the fork's creator named, for comparing a repeated request.
        sub_offset: How far beyond it: messages of JSON, else bytes of the record that follows.
    """

    source: str
    source_id: int
    inherited: int
    offset: int
    sub_offset: int = 0


class Generation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stream that is a generation's log has besides.

    Attributes:
        epoch: The fencing token of the producer in charge.
        lease: When that producer counts as lost, in seconds of the store's clock; ``None`` after the end.
        cancelled: Whether somebody asked it to stop.
        status: How it ended: done, error, aborted or truncated; empty while it runs.
    """

    epoch: int = 1
    lease: float | None = None
    cancelled: bool = False
    status: str = ""


class Stream(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one stream.

    Attributes:
        path: Its name.
        content_type: As its creator wrote it.
        id: Its identity, given by the store; never used again.
        tail: How many records it has ever had; the number of the last one, counted from 1.
        first: How many of them are no longer kept.
        closed: Whether it is at its end.
        deleted: Whether it is kept for its forks alone.
        forks: How many streams read from it.
        ttl: After how many seconds without use it expires.
        expires_at: When it expires, in seconds since 1970.
        touched: When it was last read or written.
        last_seq: The last ``Stream-Seq``.
        closed_by: The batch that closed it, for answering its repetition.
        producers: Epoch and last sequence number of each idempotent producer.
        fork: Where its first records come from, if it is a fork.
        generation: Set if it is a generation's log.
        subscription: Set if it is no stream but a subscription to others.
    """

    path: str
    content_type: str
    id: int = 0
    tail: int = 0
    first: int = 0
    closed: bool = False
    deleted: bool = False
    forks: int = 0
    ttl: int | None = None
    expires_at: float | None = None
    touched: float = 0.0
    last_seq: str | None = None
    closed_by: Producer | None = None
    producers: dict[str, tuple[int, int]] = {}
    fork: Fork | None = None
    generation: Generation | None = None
    subscription: Subscription | None = None

    @property
    def inherited(self) -> int:
        """How many of its first records are another stream's."""
        return self.fork.inherited if self.fork else 0


class Page(msgspec.Struct, frozen=True):
    """Records of a stream, and its state when they were read.

    Attributes:
        stream: The state.
        after: How many records precede these.
        records: The records themselves.
        encoded: What views make of them, by the view's name: all readers of a stream share its newest pages.
    """

    stream: Stream
    after: int
    records: Sequence[bytes]
    encoded: dict[str, bytes] = {}

    @property
    def next(self) -> int:
        """The number of the last record here: where the next read begins."""
        return self.after + len(self.records)

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing more to read."""
        return self.next >= self.stream.tail

    @property
    def at_end(self) -> bool:
        """Whether there will never be more to read."""
        return self.stream.closed and self.up_to_date


class Change(msgspec.Struct, Generic[T], frozen=True):
    """What a rule says shall become of its streams.

    Attributes:
        streams: The new state of each, in the order of the paths; ``None`` frees the path and drops the records.
        result: What the caller gets.
        records: What is appended to the first stream; its new state counts them already.
    """

    streams: tuple[Stream | None, ...]
    result: T
    records: Sequence[bytes] = ()


Rule = Callable[[float, tuple[Stream | None, ...]], Change[T]]
"""A decision: (now, states) -> change. Pure: a store may run it more than once."""


def slack(ttl: int) -> float:
    """Return for how many seconds a use need not be written down; a stream expires that much late, never early."""
    return min(1.0, ttl / 20)


def expiry(stream: Stream) -> float | None:
    """Return when the stream expires, if nobody uses it until then."""
    if stream.ttl is not None:
        return stream.touched + stream.ttl + slack(stream.ttl)
    return stream.expires_at


def due(stream: Stream) -> float | None:
    """Return when somebody must look at the stream: it expires, its producer counts as lost, or nothing holds it."""
    if stream.subscription is not None:
        return stream.subscription.due
    if stream.deleted:
        return None if stream.forks else 0.0
    when = [expiry(stream), None if stream.generation is None else stream.generation.lease]
    return min((moment for moment in when if moment is not None), default=None)


def expired(stream: Stream, now: float) -> bool:
    """Tell whether the stream's time is over."""
    moment = expiry(stream)
    return moment is not None and now >= moment


def living(stream: Stream | None, now: float, path: str) -> Stream:
    """Return the stream if it can be used.

    Raises:
        StreamNotFoundError: It does not exist, or no more.
        StreamGoneError: It is kept for its forks alone.
    """
    if stream is None:
        raise StreamNotFoundError(path)
    if stream.deleted or (stream.forks and expired(stream, now)):
        raise StreamGoneError(path)
    if expired(stream, now):
        raise StreamNotFoundError(path)
    return stream


def touch(path: str) -> Rule[Stream]:
    """Begin the stream's time to live anew."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream = living(streams[0], now, path)
        if stream.ttl is not None:
            stream = replace(stream, touched=now)
        return Change((stream,), stream)

    return rule


def trim(path: str, before: int) -> Rule[Stream]:
    """Drop the first `before` records; a stream that has forks keeps them."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream = living(streams[0], now, path)
        if not stream.forks:
            stream = replace(stream, first=max(stream.first, min(before, stream.tail)))
        return Change((stream,), stream)

    return rule
