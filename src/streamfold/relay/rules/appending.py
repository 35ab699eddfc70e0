"""Appending and closing: who may, in what order, and what a repeated request gets (Durable Streams 5.2 and 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ..errors import (
    BadRequestError,
    RelayLimitError,
    SequenceGapError,
    StaleEpochError,
    StreamClosedError,
    StreamConflictError,
    WriteProtectedError,
)
from .messages import media_type
from .stream import Change, Producer, Rule, Stream, living

MAX_PRODUCERS = 1_000
"""Idempotent producers that one stream remembers: each append rewrites them."""


class Appended(msgspec.Struct, frozen=True, gc=False):
    """What became of an append.

    Attributes:
        stream: The state afterwards.
        duplicate: Whether it had been appended before, and nothing was done.
        seq: The producer's last sequence number, if it has one.
    """

    stream: Stream
    duplicate: bool = False
    seq: int | None = None


def append(
    path: str,
    records: Sequence[bytes],
    *,
    content_type: str | None = None,
    producer: Producer | None = None,
    seq: str | None = None,
    close: bool = False,
) -> Rule[Appended]:
    """Append records, close the stream, or both at once.

    Args:
        path: The stream.
        records: What is appended; may be empty if `close`.
        content_type: What the writer says the stream's type is.
        producer: The batch's place among those of an idempotent producer.
        seq: The writer's ``Stream-Seq``: greater than the last one of the stream, byte by byte.
        close: Whether this is the end.
    """

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Appended]:
        stream = living(streams[0], now, path)
        if stream.generation:
            raise WriteProtectedError(path)
        if stream.closed:
            return Change((stream,), _after_the_end(stream, bool(records), producer, close))
        if records and content_type and media_type(content_type) != media_type(stream.content_type):
            raise StreamConflictError(f"the stream is {stream.content_type}, not {content_type}")
        if producer is not None and (last := repeated(stream, producer)) is not None:
            return Change((stream,), Appended(stream, duplicate=True, seq=last))
        if seq is not None and stream.last_seq is not None and seq.encode() <= stream.last_seq.encode():
            raise StreamConflictError(f"Stream-Seq {seq!r} does not follow {stream.last_seq!r}")
        stream = _appended(stream, len(records), producer, seq, close, now)
        return Change((stream,), Appended(stream, seq=None if producer is None else producer.seq), records)

    return rule


def _appended(
    stream: Stream, count: int, producer: Producer | None, seq: str | None, close: bool, now: float
) -> Stream:
    producers = stream.producers
    if producer is not None:
        producers = {**producers, producer.id: (producer.epoch, producer.seq)}
        if len(producers) > MAX_PRODUCERS:
            raise RelayLimitError("max_producers", MAX_PRODUCERS, 429)
    return replace(
        stream,
        tail=stream.tail + count,
        touched=now,
        closed=close,
        closed_by=producer if close else None,
        producers=producers,
        last_seq=stream.last_seq if seq is None else seq,
    )


def _after_the_end(stream: Stream, has_body: bool, producer: Producer | None, close: bool) -> Appended:
    if producer is not None and producer == stream.closed_by:
        return Appended(stream, duplicate=True, seq=producer.seq)
    if close and not has_body and producer is None:
        return Appended(stream, duplicate=True)
    raise StreamClosedError(stream.tail)


def repeated(stream: Stream, producer: Producer) -> int | None:
    """Return the producer's last sequence number if the stream has this batch already, ``None`` if it comes next.

    Raises:
        StaleEpochError: Another session of this producer has begun.
        SequenceGapError: A batch before this one is missing.
        BadRequestError: A new session does not begin with 0.
    """
    epoch, last = stream.producers.get(producer.id, (producer.epoch, -1))
    if producer.epoch < epoch:
        raise StaleEpochError(epoch)
    if producer.epoch > epoch:
        if producer.seq != 0:
            raise BadRequestError(f"a new epoch begins with sequence 0, not {producer.seq}")
        return None
    if producer.seq > last + 1:
        raise SequenceGapError(last + 1, producer.seq)
    return last if producer.seq <= last else None
