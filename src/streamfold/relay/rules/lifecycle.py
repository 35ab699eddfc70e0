"""How a stream begins and how it goes: creation, forks, deletion (Durable Streams 4.2, 5.1 and 5.4)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ..errors import BadRequestError, StreamConflictError
from .messages import DEFAULT_TYPE, is_json, media_type
from .stream import Change, Fork, Rule, Stream, expired, living


class Creation(msgspec.Struct, frozen=True):
    """What a creator asks for.

    Attributes:
        content_type: The stream's type; ``None`` leaves it to the default or to the source.
        records: What it begins with.
        closed: Whether that is all there will ever be.
        ttl: After how many seconds without use it expires.
        expires_at: When it expires, in seconds since 1970.
    """

    content_type: str | None = None
    records: Sequence[bytes] = ()
    closed: bool = False
    ttl: int | None = None
    expires_at: float | None = None


class Created(msgspec.Struct, frozen=True):
    """What became of a creation: the state, and whether it is new."""

    stream: Stream
    new: bool


class ForkFrom(msgspec.Struct, frozen=True):
    """What a creator of a fork asks for besides.

    Attributes:
        source: The path of the source stream.
        offset: After how many records of it; ``None`` for all there are.
        sub_offset: How far beyond: messages of JSON, else bytes of the record that follows.
    """

    source: str
    offset: int | None = None
    sub_offset: int = 0


def create(path: str, ask: Creation) -> Rule[Created]:
    """Create a stream; one that is there and as asked for is left as it is."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Created]:
        content_type = ask.content_type or DEFAULT_TYPE
        if streams[0] is not None:
            return _found(streams, now, content_type, ask, None)
        stream = _begun(path, content_type, ask, now, None)
        return Change((stream,), Created(stream, new=True), ask.records)

    return rule


def fork(path: str, ask: Creation, origin: ForkFrom, following: bytes | None) -> Rule[Created]:
    """Create a stream that begins with records of another; its state is the second of the rule's.

    Args:
        path: The new stream.
        ask: What it shall be; what is not said is inherited.
        origin: Where it forks.
        following: The record after `origin.offset`, if a sub-offset cuts into it.
    """

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Created]:
        source = _source(streams[1], now, origin.source)
        content_type = ask.content_type or source.content_type
        wanted = ask if ask.ttl or ask.expires_at else replace(ask, ttl=source.ttl, expires_at=source.expires_at)
        if streams[0] is not None:
            return _found(streams, now, content_type, wanted, origin)
        if media_type(content_type) != media_type(source.content_type):
            raise StreamConflictError(f"the source is {source.content_type}, not {content_type}")
        place, prefix = _divergence(source, origin, following)
        records = [*prefix, *ask.records]
        stream = _begun(path, content_type, replace(wanted, records=records), now, place)
        return Change((stream, replace(source, forks=source.forks + 1)), Created(stream, new=True), records)

    return rule


def _begun(path: str, content_type: str, ask: Creation, now: float, place: Fork | None) -> Stream:
    return Stream(
        path,
        content_type,
        tail=len(ask.records) + (place.inherited if place else 0),
        closed=ask.closed,
        ttl=ask.ttl,
        expires_at=ask.expires_at,
        touched=now,
        fork=place,
    )


def _found(
    streams: tuple[Stream | None, ...], now: float, content_type: str, ask: Creation, origin: ForkFrom | None
) -> Change[Created]:
    """Compare the stream that is there with what is asked for."""
    stream = streams[0]
    assert stream is not None
    if stream.deleted or expired(stream, now):
        raise StreamConflictError(f"{stream.path!r} is deleted, and kept for its forks")
    asked = (media_type(content_type), ask.ttl, ask.expires_at, ask.closed)
    if asked != (media_type(stream.content_type), stream.ttl, stream.expires_at, stream.closed):
        raise StreamConflictError(f"{stream.path!r} exists with another type, lifetime or end")
    if not _same_origin(stream.fork, origin):
        raise StreamConflictError(f"{stream.path!r} exists with another origin")
    return Change(streams, Created(stream, new=False))


def _same_origin(there: Fork | None, asked: ForkFrom | None) -> bool:
    if there is None or asked is None:
        return there is None and asked is None
    offset = there.offset if asked.offset is None else asked.offset
    return (there.source, there.offset, there.sub_offset) == (asked.source, offset, asked.sub_offset)


def _source(stream: Stream | None, now: float, path: str) -> Stream:
    """Return the source if it can be forked: one kept for other forks alone is in conflict, not gone."""
    if stream is not None and (stream.deleted or (stream.forks and expired(stream, now))):
        raise StreamConflictError(f"the source {path!r} is deleted")
    return living(stream, now, path)


def _divergence(source: Stream, origin: ForkFrom, following: bytes | None) -> tuple[Fork, list[bytes]]:
    """Return where the fork leaves its source, and what it keeps of the record that it cuts."""
    offset, sub = source.tail if origin.offset is None else origin.offset, origin.sub_offset
    if not source.first <= offset <= source.tail:
        raise BadRequestError(f"the fork's offset is {offset:,}, the source has {source.tail:,} records")
    whole = sub if is_json(source.content_type) else 0
    cut = 0 if whole else sub
    if offset + whole > source.tail or cut > len(following or b""):
        raise BadRequestError(f"the sub-offset {sub:,} is beyond what follows the fork's offset")
    place = Fork(origin.source, source.id, offset + whole, offset, sub)
    return place, [following[:cut]] if cut and following else []


def remove(path: str, place: Fork | None) -> Rule[Stream | None]:
    """Delete a stream; while forks read from it, it is only hidden.

    Args:
        path: The stream.
        place: Where it forks; the state of that source is then the second of the rule's.

    Returns:
        A rule whose result is the source's new state.
    """

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream | None]:
        stream = living(streams[0], now, path)
        if stream.fork != place:
            raise StreamConflictError(f"{path!r} was replaced meanwhile")
        return _gone(stream, streams)

    return rule


def reap(path: str, place: Fork | None) -> Rule[Stream | None]:
    """Free the path of a stream that has expired or whose last fork is gone; else do nothing. See `remove`."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Stream | None]:
        stream = streams[0]
        if stream is None or stream.fork != place or not (stream.deleted or expired(stream, now)):
            return Change(streams, None)
        return _gone(stream, streams)

    return rule


def _gone(stream: Stream, streams: tuple[Stream | None, ...]) -> Change[Stream | None]:
    if stream.forks:
        return Change((replace(stream, deleted=True), *streams[1:]), None)
    source = streams[1] if len(streams) > 1 else None
    if source is None:
        return Change((None, *streams[1:]), None)
    source = replace(source, forks=source.forks - 1)
    return Change((None, source), source)
