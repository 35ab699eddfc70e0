"""What the requests of the Durable Streams protocol say, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from starlette.datastructures import QueryParams

from ..errors import BadRequestError
from ..rules.lifecycle import Creation, ForkFrom
from ..rules.messages import DEFAULT_TYPE, split
from ..rules.offsets import NOW, START, from_offset
from ..rules.stream import Producer

MOST = 2**53 - 1
"""The greatest number that JavaScript keeps exactly."""
_NUMBER = re.compile(r"[0-9]{1,16}")
_PLAIN_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+\s*(;.*)?", re.ASCII)


class Reading(msgspec.Struct, frozen=True):
    """What a reader asks for.

    Attributes:
        after: How many records it has; ``None`` for all there are now.
        live: ``""``, ``"long-poll"`` or ``"sse"``.
        cursor: What it got as a cursor the last time.
    """

    after: int | None
    live: str
    cursor: str | None


def reading(query: QueryParams) -> Reading:
    """Return what a ``GET`` asks for."""
    offsets = query.getlist("offset")
    live = query.get("live", "")
    if len(offsets) > 1:
        raise BadRequestError("more than one offset")
    if live not in ("", "long-poll", "sse"):
        raise BadRequestError(f"live={live[:32]!r} is neither long-poll nor sse")
    if live and not offsets:
        raise BadRequestError(f"live={live} needs an offset")
    token = offsets[0] if offsets else START
    after = None if token == NOW else 0 if token == START else from_offset(token)
    return Reading(after, live, query.get("cursor"))


def is_closing(headers: Mapping[str, str]) -> bool:
    """Tell whether the request closes the stream; any other value than ``true`` counts as absent (4.1)."""
    return headers.get("stream-closed", "").lower() == "true"


def content_type(headers: Mapping[str, str]) -> str | None:
    """Return the type that the request says, ``None`` without one."""
    value = headers.get("content-type", "").strip()
    if value and not _MEDIA_TYPE.fullmatch(value):
        raise BadRequestError(f"malformed content type: {value[:64]!r}")
    return value or None


def creation(headers: Mapping[str, str], body: bytes, inherited_type: str | None) -> Creation:
    """Return what a ``PUT`` asks for.

    Args:
        headers: Of the request.
        body: What the stream begins with.
        inherited_type: The source's content type, for a fork.
    """
    ttl, expires_at = headers.get("stream-ttl"), headers.get("stream-expires-at")
    if ttl is not None and expires_at is not None:
        raise BadRequestError("Stream-TTL and Stream-Expires-At exclude each other")
    kind = content_type(headers)
    return Creation(
        content_type=kind,
        records=split(body, kind or inherited_type or DEFAULT_TYPE) if body else [],
        closed=is_closing(headers),
        ttl=None if ttl is None else _number("Stream-TTL", ttl, _PLAIN_NUMBER),
        expires_at=None if expires_at is None else _timestamp(expires_at),
    )


def origin(headers: Mapping[str, str], root: str) -> ForkFrom | None:
    """Return where a ``PUT`` forks; ``None`` if it does not. `root` is what the paths of all streams begin with."""
    source, offset, sub = (headers.get(f"stream-fork{name}") for name in ("ed-from", "-offset", "-sub-offset"))
    if source is None:
        if offset is not None or sub is not None:
            raise BadRequestError("a fork's offset without Stream-Forked-From")
        return None
    if not source.startswith(root) or source == root:
        raise BadRequestError(f"the source {source[:64]!r} is not the path of a stream here")
    return ForkFrom(
        source.removeprefix(root),
        None if offset is None else 0 if offset == START else from_offset(offset),
        0 if sub is None else _number("Stream-Fork-Sub-Offset", sub, _PLAIN_NUMBER),
    )


def producer(headers: Mapping[str, str]) -> Producer | None:
    """Return the batch's place among those of an idempotent producer; ``None`` if there is none (5.2.1)."""
    id, epoch, seq = (headers.get(f"producer-{name}") for name in ("id", "epoch", "seq"))
    if id is None and epoch is None and seq is None:
        return None
    if not id or epoch is None or seq is None:
        raise BadRequestError("Producer-Id, Producer-Epoch and Producer-Seq belong together, and none is empty")
    return Producer(id, _number("Producer-Epoch", epoch, _NUMBER), _number("Producer-Seq", seq, _NUMBER))


def _number(name: str, text: str, form: re.Pattern[str]) -> int:
    if not form.fullmatch(text) or int(text) > MOST:
        raise BadRequestError(f"{name} is not a whole number: {text[:32]!r}")
    return int(text)


def _timestamp(text: str) -> float:
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        pass
    raise BadRequestError(f"Stream-Expires-At is not a time of RFC 3339: {text[:64]!r}")
