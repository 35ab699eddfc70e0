"""Which streams a subscription follows, and how far: what becomes of its links (Durable Streams 6.1 to 6.4)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ..errors import RelayLimitError, SubscriptionError
from .stream import Stream, expired
from .subscription import Link, Subscription

MAX_LINKS = 2_000
"""Streams that one subscription follows: each change writes them all."""

Heads = Mapping[str, Stream | None]
"""The states of streams by path; ``None`` where there is none."""


def noticed(subscription: Subscription, heads: Heads, now: float) -> Subscription:
    """Return it as it is when streams are found to be so: news end its rest, streams that are gone are not followed."""
    links, full, resting = dict(subscription.links), subscription.full, subscription.resting
    for path, stream in heads.items():
        known = links.get(path)
        if stream is None or stream.deleted or expired(stream, now):
            if known is not None:
                _put(links, path, Link(explicit=known.explicit))
        elif known is None and not subscription.wants(path):
            continue
        elif known is None and len(links) >= MAX_LINKS:
            full = True
        else:
            links[path] = new = _seen(known or Link(), stream, subscription.wants(path))
            resting = resting and known is not None and (new.id, new.tail) == (known.id, known.tail)
    if links == subscription.links and full == subscription.full:
        return subscription
    return replace(subscription, links=links, full=full and len(links) >= MAX_LINKS, resting=resting)


def _seen(link: Link, stream: Stream, matched: bool) -> Link:
    if link.id != stream.id:
        return Link(stream.id, 0, stream.tail, link.explicit, matched)
    return replace(link, tail=max(link.tail, stream.tail), matched=matched)


def linked(subscription: Subscription, heads: Heads) -> Subscription:
    """Return it with links to these streams by name, from their ends if they are new."""
    links = dict(subscription.links)
    for path, stream in heads.items():
        new = Link() if stream is None else Link(stream.id, stream.tail, stream.tail)
        links[path] = replace(links.get(path, new), explicit=True)
    return _bounded(subscription, links)


def unlinked(subscription: Subscription, path: str) -> Subscription:
    """Return it without the link by name."""
    links = dict(subscription.links)
    if path in links:
        _put(links, path, replace(links[path], explicit=False))
    return replace(subscription, links=links, full=subscription.full and len(links) >= MAX_LINKS)


def matching(subscription: Subscription, heads: Heads) -> Subscription:
    """Return it with links to those of these streams that match, from their ends if they are new."""
    links = dict(subscription.links)
    for path, stream in heads.items():
        if stream is not None and subscription.wants(path):
            links[path] = replace(links.get(path, Link(stream.id, stream.tail, stream.tail)), matched=True)
    return _bounded(subscription, links)


def _bounded(subscription: Subscription, links: dict[str, Link]) -> Subscription:
    if len(links) > MAX_LINKS:
        raise RelayLimitError("max_links", MAX_LINKS)
    return replace(subscription, links=links)


def _put(links: dict[str, Link], path: str, link: Link) -> None:
    """Set a link, or drop it if nothing asks for it."""
    if link.explicit or link.matched:
        links[path] = link
    else:
        links.pop(path, None)


def acked(subscription: Subscription, acks: Mapping[str, int]) -> Subscription:
    """Return it with so many records of each stream processed; never fewer than before.

    Raises:
        SubscriptionError: A stream is not followed, or has not so many.
    """
    links = dict(subscription.links)
    for path, position in acks.items():
        link = links.get(path)
        if link is None or position > link.tail:
            raise SubscriptionError("INVALID_OFFSET", f"{path!r} is not followed, or has not so many records")
        links[path] = replace(link, acked=max(link.acked, position))
    return replace(subscription, links=links)
