"""How a subscription wakes workers: one wake at a time, fenced by its generation, under a lease (Durable Streams 6, 7).

Every rule is a decision on the subscription between two others that time makes: before it, a lease that has run out
ends its wake, and a retry that is due begins; after it, a subscription that is idle and has something to process wakes.
So it does not matter who looks first. Who runs the rule that issues an attempt (`Turn.issued`) delivers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from ..errors import SubscriptionError
from .links import Heads, acked, linked, matching, noticed, unlinked
from .messages import is_json
from .stream import Change, Rule, Stream, expired
from .subscription import INDEX, ROOT, Link, Subscription, Terms

T = TypeVar("T")

MAX_ATTEMPTS = 20
"""Attempts at one wake's webhook, about a quarter of an hour; then it rests until there is something new."""
FIRST_RETRY, LAST_RETRY, JITTER = 1.0, 60.0, 0.2
"""Seconds before the first and the later retries, and the share by which they vary (7.1)."""
SOON, CHECK = 2.0, 60.0
"""Seconds until somebody looks for what a subscription was not told: after its creation, and then again and again."""

Decision = Callable[[float, Stream, Subscription], Subscription]


class Turn(msgspec.Struct, frozen=True):
    """What became of a subscription.

    Attributes:
        stream: Its state.
        issued: Whether there is a webhook to send now.
        called: Whether workers were called in the wake stream.
        checking: Whether it is time to look for what it was not told, for whoever has this turn.
        new: Whether it was created.
    """

    stream: Stream
    issued: bool = False
    called: bool = False
    checking: bool = False
    new: bool = False

    @property
    def subscription(self) -> Subscription:
        """The state's subscription."""
        assert self.stream.subscription is not None
        return self.stream.subscription


def wake_id(stream: Stream) -> str:
    """Return the name of a subscription's last wake: neither its id nor a generation is ever used again."""
    assert stream.subscription is not None
    return f"w_{stream.id}_{stream.subscription.generation}"


def paths(id: str, terms: Terms) -> list[str]:
    """Return the paths of the streams that the rules of this subscription are about, itself the last."""
    return [*([terms.wake_stream] if terms.wake_stream else []), ROOT + id]


def create(id: str, terms: Terms, base: str, found: Heads) -> Rule[Turn]:
    """Create a subscription; one that is there on the same terms is left as it is.

    Args:
        id: Its name.
        terms: What is asked for.
        base: See `Subscription.base`.
        found: The streams that are named or match: they are followed from their ends.
    """

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Turn]:
        there = streams[-1]
        if there is not None and there.subscription is not None:
            if there.subscription.terms != terms:
                raise SubscriptionError("SUBSCRIPTION_ALREADY_EXISTS", f"{id!r} exists on other terms")
            return Change(streams, Turn(there))
        if terms.wake_stream and not _writable(streams[0], now):
            raise SubscriptionError("INVALID_REQUEST", f"wake_stream {terms.wake_stream!r} is no open stream of JSON")
        subscription = Subscription(terms, base, now, check=now + SOON)
        subscription = linked(subscription, {path: found.get(path) for path in terms.streams})
        subscription = matching(subscription, found)
        stream = Stream(ROOT + id, "application/json", touched=now, subscription=subscription)
        return Change((*streams[:-1], stream), Turn(stream, new=True))

    return rule


def remove(now: float, streams: tuple[Stream | None, ...]) -> Change[None]:
    """Delete a subscription (a rule); what its workers say afterwards is refused."""
    return Change((None,), None)


def registered(rule: Rule[T]) -> Rule[T]:
    """Return a rule that also counts, in the state after those of `rule`, that the subscriptions are not as before."""

    def both(now: float, streams: tuple[Stream | None, ...]) -> Change[T]:
        change = rule(now, streams[:-1])
        index = streams[-1] or Stream(INDEX, "application/json")
        index = replace(index, tail=index.tail + 1, first=index.tail + 1)
        return Change((*change.streams, index), change.result, change.records)

    return both


def link(id: str, heads: Heads) -> Rule[Turn]:
    """Follow these streams too, from their ends."""
    return _turn(id, lambda now, stream, subscription: linked(subscription, heads))


def unlink(id: str, path: str) -> Rule[Turn]:
    """Follow this stream no longer, unless it matches the pattern."""
    return _turn(id, lambda now, stream, subscription: unlinked(subscription, path))


def notice(id: str, heads: Heads) -> Rule[Turn]:
    """Take note of how streams are by now.

    Streams that match and are not followed yet are followed from their beginnings: those that were there before were
    linked at the creation.
    """
    return _turn(id, lambda now, stream, subscription: noticed(subscription, heads, now))


def look(id: str) -> Rule[Turn]:
    """Do what time alone asks for."""

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        return replace(subscription, check=now + CHECK) if now >= subscription.check else subscription

    return _turn(id, decide)


def claim(id: str, worker: str) -> Rule[Turn]:
    """Give the wake to a worker, under a lease."""

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        _of_type(subscription, "pull-wake")
        if subscription.holder is not None:
            holder, generation = subscription.holder, subscription.generation
            message = f"{holder!r} holds the lease"
            raise SubscriptionError("ALREADY_CLAIMED", message, current_holder=holder, generation=generation)
        subscription = _woken(subscription, now)
        if not subscription.awake:
            raise SubscriptionError("NO_PENDING_WORK", "there is nothing to process")
        return replace(subscription, holder=worker, lease=now + subscription.terms.lease_ttl_ms / 1000)

    return _turn(id, decide)


def ack(
    id: str, kind: str, wake: str, generation: int, acks: Mapping[str, int], done: bool, heads: Heads
) -> Rule[Turn]:
    """Take note of what a worker has processed; its lease begins anew, or ends.

    Args:
        id: The subscription.
        kind: Of which type it must be.
        wake: Which wake the worker means.
        generation: Its generation.
        acks: How many records of each stream were processed.
        done: Whether the worker is done.
        heads: The streams that are acked.
    """

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        _of_type(subscription, kind)
        _fence(stream, wake, generation)
        subscription = replace(acked(noticed(subscription, heads, now), acks), failures=0)
        if done:
            return _idle(subscription)
        return replace(subscription, lease=now + subscription.terms.lease_ttl_ms / 1000, next_attempt=None)

    return _turn(id, decide)


def release(id: str, wake: str, generation: int) -> Rule[Turn]:
    """End a worker's lease without an ack."""

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        _of_type(subscription, "pull-wake")
        _fence(stream, wake, generation)
        return _idle(subscription)

    return _turn(id, decide)


def delivered(id: str, sent: Stream, done: bool) -> Rule[Turn]:
    """Take note that the webhook of a wake has arrived, and perhaps that all it told of was processed at once.

    Args:
        id: The subscription.
        sent: Its state when the webhook was sent.
        done: Whether the worker says so.
    """
    assert sent.subscription is not None
    told = sent.subscription.links

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        if not _same_wake(stream, sent):
            return subscription
        subscription = replace(subscription, failures=0)
        if not done:
            return subscription
        same = {path: told[path].tail for path, link in subscription.links.items() if _is_same(told.get(path), link)}
        return _idle(acked(subscription, same))

    return _turn(id, decide)


def failed(id: str, sent: Stream, chance: float) -> Rule[Turn]:
    """Take note that the webhook of a wake has failed: it is sent again later, or given up. See `delivered`.

    Args:
        id: The subscription.
        sent: Its state when the webhook was sent.
        chance: A random number from -1 to 1.
    """

    def decide(now: float, stream: Stream, subscription: Subscription) -> Subscription:
        if not _same_wake(stream, sent):
            return subscription
        failures = subscription.failures + 1
        if failures >= MAX_ATTEMPTS:
            return replace(_idle(subscription), failures=failures, resting=True)
        delay = min(LAST_RETRY, FIRST_RETRY * 2 ** (failures - 1)) * (1 + JITTER * chance)
        return replace(subscription, failures=failures, next_attempt=now + delay, lease=None)

    return _turn(id, decide)


def _turn(id: str, decide: Decision) -> Rule[Turn]:
    """Return the rule on the streams at `paths` that decides between what time does before and after."""

    def rule(now: float, streams: tuple[Stream | None, ...]) -> Change[Turn]:
        stream = streams[-1]
        if stream is None or (before := stream.subscription) is None or _is_another(before.terms, streams):
            raise SubscriptionError("SUBSCRIPTION_NOT_FOUND", f"no subscription {id!r}")
        lapsed = _lapsed(before, now)
        after = _woken(decide(now, replace(stream, subscription=lapsed), lapsed), now)
        wake = streams[0] if len(streams) > 1 and after.generation > before.generation else None
        turn = Turn(
            replace(stream, subscription=after),
            issued=after.attempts > before.attempts,
            called=wake is not None and _writable(wake, now),
            checking=after.check > before.check,
        )
        if wake is None or not turn.called:
            return Change((*streams[:-1], turn.stream), turn)
        wake = replace(wake, tail=wake.tail + 1, touched=now)
        return Change((wake, turn.stream), turn, [_event(id, after, now)])

    return rule


def _is_another(terms: Terms, streams: tuple[Stream | None, ...]) -> bool:
    """Tell whether the subscription was replaced by one with another wake stream since its paths were looked up."""
    if len(streams) != 1 + (terms.wake_stream is not None):
        return True
    return len(streams) > 1 and streams[0] is not None and streams[0].path != terms.wake_stream


def _lapsed(subscription: Subscription, now: float) -> Subscription:
    """Return what time alone has made of it."""
    if subscription.next_attempt is not None and now >= subscription.next_attempt:
        return replace(
            subscription,
            next_attempt=None,
            attempts=subscription.attempts + 1,
            lease=now + subscription.terms.lease_ttl_ms / 1000,
        )
    if subscription.lease is not None and now >= subscription.lease:
        return _idle(subscription)
    return subscription


def _woken(subscription: Subscription, now: float) -> Subscription:
    """Begin a wake if there is none, and something to process."""
    if subscription.awake or subscription.resting or not subscription.pending:
        return subscription
    webhook = subscription.terms.type == "webhook"
    return replace(
        subscription,
        awake=True,
        generation=subscription.generation + 1,
        attempts=subscription.attempts + webhook,
        lease=now + subscription.terms.lease_ttl_ms / 1000 if webhook else None,
    )


def _idle(subscription: Subscription) -> Subscription:
    return replace(subscription, awake=False, holder=None, lease=None, next_attempt=None)


def _is_same(one: Link | None, other: Link) -> bool:
    return one is not None and one.id == other.id


def _same_wake(stream: Stream, sent: Stream) -> bool:
    assert stream.subscription is not None
    return stream.subscription.awake and wake_id(stream) == wake_id(sent)


def _fence(stream: Stream, wake: str, generation: int) -> None:
    subscription = stream.subscription
    assert subscription is not None
    unclaimed = subscription.terms.type == "pull-wake" and subscription.holder is None
    if not subscription.awake or unclaimed or (wake, generation) != (wake_id(stream), subscription.generation):
        raise SubscriptionError("FENCED", "this wake is over")


def _of_type(subscription: Subscription, kind: str) -> None:
    if subscription.terms.type != kind:
        raise SubscriptionError("INVALID_REQUEST", f"this is a {subscription.terms.type} subscription")


def _writable(stream: Stream | None, now: float) -> bool:
    if stream is None or stream.closed or stream.deleted or stream.generation or stream.subscription:
        return False
    return is_json(stream.content_type) and not expired(stream, now)


def _event(id: str, subscription: Subscription, now: float) -> bytes:
    """Return what is written into the wake stream (7.2)."""
    path = next(path for path, link in subscription.links.items() if link.pending)
    generation = subscription.generation
    event = {"type": "wake", "subscription_id": id, "stream": path, "generation": generation, "ts": int(now * 1000)}
    return msgspec.json.encode(event)
