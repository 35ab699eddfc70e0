"""A generation's log: one producer at a time, under a lease, and an end that is a record (a stream of JSON events).

The log exists before the first token. Its producer holds a fencing token, the epoch, and a lease that each append
renews. It ends once, by a record of the type ``end`` that closes the stream: done, error, aborted, or truncated, which
anybody may write when the lease has run out. A reader's leaving changes nothing here; `cancel` is a wish that the
producer hears of, wherever it runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ..errors import BadRequestError, FencedError, StreamNotFoundError
from .lifecycle import Created
from .stream import Change, Generation, Rule, Stream, living

ENDS = ("done", "error", "aborted", "truncated")
LEASE = 15.0
"""Seconds without a sign of life after which a producer counts as lost."""


def end_record(verdict: str, kind: str, message: str) -> bytes:
    """Return the event that ends a generation whose producer could not say how it ended."""
    return msgspec.json.encode({"type": "end", "verdict": verdict, "error": {"type": kind, "message": message}})


LOST = end_record("truncated", "producer_lost", "the producer of this generation was lost")
"""The end of a generation whose producer's lease ran out."""


def start(path: str, records: Sequence[bytes] = (), *, lease: float = LEASE, ttl: int | None = None) -> Rule[Created]:
    """Begin a generation's log; if it is there already, leave it and its producer alone."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Created]:
        if streams[0] is not None:
            return Change(streams, Created(_generation(streams[0], now, path)[0], new=False))
        stream = Stream(
            path,
            "application/json",
            tail=len(records),
            ttl=ttl,
            touched=now,
            generation=Generation(lease=now + lease),
        )
        return Change((stream,), Created(stream, new=True), records)

    return rule


def write(
    path: str, epoch: int, after: int, records: Sequence[bytes] = (), *, lease: float = LEASE, status: str = ""
) -> Rule[Stream]:
    """Append what the producer made and renew its lease; without records, only the latter.

    Args:
        path: The log.
        epoch: The producer's fencing token.
        after: How many records the log has according to the producer: a batch that is there already is not repeated.
        records: JSON events.
        lease: For how many seconds from now the producer is good.
        status: Set at the end, one of `ENDS`; the last record is then the event that says so.

    Raises:
        FencedError: Another producer is in charge, the generation has ended, or the log is not as the producer thinks.
    """
    if status and (status not in ENDS or not records):
        raise BadRequestError(f"an end is a record and one of {', '.join(ENDS)}, not {status!r}")

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream, state = _generation(streams[0], now, path)
        if state.epoch != epoch:
            raise FencedError(f"the producer's epoch is {epoch}, in charge is {state.epoch}")
        there = stream.tail == after + len(records)
        if state.status and not (there and state.status == status):
            raise FencedError(f"the generation has ended: {state.status}")
        if not there and stream.tail != after:
            raise FencedError(f"the log has {stream.tail:,} records, the producer thinks {after:,}")
        if state.status:
            return Change((stream,), stream)
        new = () if there else records
        state = replace(state, lease=None if status else now + lease, status=status)
        stream = replace(stream, tail=stream.tail + len(new), touched=now, closed=bool(status), generation=state)
        return Change((stream,), stream, new)

    return rule


def claim(path: str, *, lease: float = LEASE) -> Rule[Stream]:
    """Put a new producer in charge: the one before is fenced off from now on."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream, state = _generation(streams[0], now, path)
        if state.status:
            raise FencedError(f"the generation has ended: {state.status}")
        stream = replace(stream, generation=replace(state, epoch=state.epoch + 1, lease=now + lease))
        return Change((stream,), stream)

    return rule


def cancel(path: str) -> Rule[Stream]:
    """Ask the producer to stop; asking again, or after the end, changes nothing."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream, state = _generation(streams[0], now, path)
        if not state.status:
            stream = replace(stream, generation=replace(state, cancelled=True))
        return Change((stream,), stream)

    return rule


def lapse(path: str) -> Rule[Stream]:
    """End the generation as truncated if its producer's lease has run out; else do nothing."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream]:
        stream, state = _generation(streams[0], now, path)
        if state.lease is None or now < state.lease:
            return Change((stream,), stream)
        state = replace(state, lease=None, status="truncated")
        stream = replace(stream, tail=stream.tail + 1, touched=now, closed=True, generation=state)
        return Change((stream,), stream, [LOST])

    return rule


def _generation(stream: Stream | None, now: float, path: str) -> tuple[Stream, Generation]:
    stream = living(stream, now, path)
    if stream.generation is None:
        raise StreamNotFoundError(path)
    return stream, stream.generation
