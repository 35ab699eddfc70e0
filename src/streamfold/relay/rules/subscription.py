"""The state of a subscription as a value: what it follows, how far it was processed, and the wake that is under way.

It is kept like a stream, under `ROOT`, without records of its own. What it knows of a stream's tail may lag behind; it
never runs ahead.
"""

from __future__ import annotations

from typing import Literal

import msgspec

RESERVED = "__ds"
"""The first segment of the paths that are no application's streams (Durable Streams 6)."""
ROOT = f"{RESERVED}/subscriptions/"
"""What the paths begin with under which subscriptions are kept; the id follows."""

INDEX = f"{RESERVED}/index"
"""The path of what counts how often there were other subscriptions, or other streams that they follow."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a subscriber asks for, in normal form: equal terms are the same subscription (Durable Streams 6.2).

    Attributes:
        type: How it is delivered.
        pattern: Which streams, see `matches`.
        streams: Streams by name, sorted.
        url: Where webhooks go.
        wake_stream: The path of the stream in which workers are called.
        lease_ttl_ms: For how many milliseconds a worker is good without a sign of life.
        description: For people.
    """

    type: Literal["webhook", "pull-wake"]
    pattern: str | None = None
    streams: tuple[str, ...] = ()
    url: str | None = None
    wake_stream: str | None = None
    lease_ttl_ms: int = 30_000
    description: str | None = None


class Link(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One stream that is followed.

    Attributes:
        id: The stream's identity; 0 while there is none at this path.
        acked: How many of its records were processed.
        tail: How many it has.
        explicit: Whether it was named.
        matched: Whether it matches the pattern.
    """

    id: int = 0
    acked: int = 0
    tail: int = 0
    explicit: bool = False
    matched: bool = False

    @property
    def pending(self) -> bool:
        """Whether there is something to process."""
        return self.tail > self.acked


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stream that is a subscription has.

    Attributes:
        terms: What was asked for.
        base: The URL of this relay's streams, as its creator reached it.
        created: When, in seconds since 1970.
        links: The streams, by path.
        check: When somebody must look for streams and records of which it was not told.
        generation: The fencing counter: the number of the last wake.
        awake: Whether that wake is under way.
        holder: The worker that claimed it.
        lease: When the wake is over if nobody shows a sign of life.
        attempts: How often a webhook was sent, or was about to be.
        failures: How many of the last attempts failed, one after another.
        next_attempt: When the webhook is sent again.
        resting: Whether it was given up, until there is something new.
        full: Whether it had no room for a stream.
    """

    terms: Terms
    base: str
    created: float
    links: dict[str, Link] = {}
    check: float = 0.0
    generation: int = 0
    awake: bool = False
    holder: str | None = None
    lease: float | None = None
    attempts: int = 0
    failures: int = 0
    next_attempt: float | None = None
    resting: bool = False
    full: bool = False

    @property
    def pending(self) -> bool:
        """Whether any stream has something to process."""
        return any(link.pending for link in self.links.values())

    @property
    def due(self) -> float:
        """When somebody must look at it, whatever happens."""
        return min(moment for moment in (self.check, self.lease, self.next_attempt) if moment is not None)

    def wants(self, path: str) -> bool:
        """Tell whether the pattern means this path; never what is reserved, nor the stream that it writes itself."""
        pattern = self.terms.pattern
        return pattern is not None and path != self.terms.wake_stream and not reserved(path) and matches(pattern, path)


def reserved(path: str) -> bool:
    """Tell whether a path is no application's stream."""
    return path == RESERVED or path.startswith(RESERVED + "/")


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path matches: ``*`` is one segment, ``**`` any number, anything else is itself.

    Time is at most the product of the numbers of segments: the last ``**`` alone is tried again.
    """
    wanted, given = pattern.split("/"), path.split("/")
    at = here = begun = 0
    many = -1
    while here < len(given):
        if at < len(wanted) and wanted[at] == "**":
            many, begun, at = at, here, at + 1
        elif at < len(wanted) and wanted[at] in ("*", given[here]):
            at, here = at + 1, here + 1
        elif many >= 0:
            begun += 1
            at, here = many + 1, begun
        else:
            return False
    return all(segment == "**" for segment in wanted[at:])


def literal_prefix(pattern: str) -> str:
    """Return what all paths begin with that match."""
    segments = pattern.split("/")
    wild = next((number for number, segment in enumerate(segments) if segment in ("*", "**")), len(segments))
    return "/".join(segments[:wild])
