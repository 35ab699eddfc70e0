"""Subscriptions: which streams call which workers, on any store and any number of nodes (Durable Streams 6 and 7).

A node tells the subscriptions of what it has written itself, at once; what a node could not tell, since it died or did
not know of a subscription yet, is found by a look at all streams that match, every minute, by one node. So a wake may
be late and may come twice, and is not lost. A webhook is sent by the node whose transaction issued it; if that node
dies, the lease runs out and another wake is issued.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from .ending import end
from .errors import RelayError, RelayLimitError, StoreError, SubscriptionError
from .log import Log
from .rules import waking
from .rules.lifecycle import Creation, create
from .rules.links import MAX_LINKS
from .rules.offsets import to_offset
from .rules.stream import Rule, Stream, expired
from .rules.subscription import INDEX, RESERVED, ROOT, Subscription, Terms, literal_prefix
from .rules.waking import Turn, wake_id
from .signing import SEED, Keys

if TYPE_CHECKING:
    from .webhooks import Webhooks

MAX_SUBSCRIPTIONS = 100
"""Subscriptions of one store: each append asks for those that it concerns."""
REFRESH = 1.0
"""Seconds between two looks whether other nodes have changed the subscriptions."""
PAUSE = 0.02
"""Seconds between two rounds of telling: what a stream gets meanwhile is told at once."""
IN_TIME = 0.8
"""The part of the lease in which a webhook must be answered: later, it would not count as failed."""
PAGE = 500
"""Streams that are looked at together."""
REMEMBERED = 10_000
"""Paths of which it is remembered whom they concern."""
SEED_PATH = f"{RESERVED}/seed"


class Subscriptions:
    """The subscriptions of a log's store, and this node's work for them, as long as the context lasts.

    Args:
        log: Where the streams are.
        webhooks: What sends webhooks; ``None`` refuses subscriptions that want them.
    """

    def __init__(self, log: Log, webhooks: Webhooks | None = None) -> None:
        self.log = log
        self._store = log.store
        self._webhooks = webhooks
        self._keys: Keys | None = None
        self._known: dict[str, Subscription] = {}
        self._version = -1
        self._concerned: dict[str, list[str]] = {}
        self._news: dict[str, set[str]] = {}
        self._checks: set[str] = set()
        self._wanted = asyncio.Event()
        self._telling = asyncio.Lock()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Subscriptions:
        """Begin to follow the log."""
        await self._refresh()
        self.log.follower = self
        self._worker = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop; what is under way is gone on with when its lease has run out, by whoever is there then."""
        self.log.follower = None
        await end(*self._deliveries, *([self._worker] if self._worker else []))
        if self._webhooks is not None:
            await self._webhooks.close()

    async def keys(self) -> Keys:
        """Return the keys of this store, made when they are first asked for."""
        if self._keys is None:
            await self._store.transact([SEED_PATH], create(SEED_PATH, Creation(records=[secrets.token_bytes(SEED)])))
            page = await self._store.read(SEED_PATH, 0, SEED)
            assert page is not None
            self._keys = Keys(page.records[0])
        return self._keys

    async def create(self, id: str, terms: Terms, base: str) -> Turn:
        """Create a subscription; see `waking.create`."""
        if terms.url is not None:
            if self._webhooks is None:
                raise SubscriptionError("WEBHOOK_URL_REJECTED", "webhooks are off here: no origin is allowed")
            self._webhooks.check(terms.url)
        await self._refresh()
        if id not in self._known and len(self._known) >= MAX_SUBSCRIPTIONS:
            raise RelayLimitError("max_subscriptions", MAX_SUBSCRIPTIONS, 429)
        found = await self._found(terms, terms.streams, most=MAX_LINKS)
        rule = waking.registered(waking.create(id, terms, base, found))
        turn = await self._store.transact([*waking.paths(id, terms), INDEX], rule)
        await self._refresh()
        return turn

    async def get(self, id: str) -> Stream:
        """Return the state of a subscription."""
        page = await self._store.read(ROOT + id, 0, 0)
        if page is None or page.stream.subscription is None:
            raise SubscriptionError("SUBSCRIPTION_NOT_FOUND", f"no subscription {id!r}")
        return page.stream

    async def remove(self, id: str) -> None:
        """Delete a subscription, if it is there."""
        await self._store.transact([ROOT + id, INDEX], waking.registered(waking.remove))
        await self._refresh()

    async def link(self, id: str, paths: Iterable[str]) -> None:
        """Follow these streams too; see `waking.link`."""
        await self._turn(id, waking.link(id, await self._heads(paths)), registered=True)

    async def unlink(self, id: str, path: str) -> None:
        """Follow this stream no longer; see `waking.unlink`."""
        await self._turn(id, waking.unlink(id, path), registered=True)

    async def claim(self, id: str, worker: str) -> Turn:
        """Give the wake to a worker; see `waking.claim`."""
        try:
            return await self._turn(id, waking.claim(id, worker))
        except SubscriptionError as error:
            if error.code != "NO_PENDING_WORK":
                raise
        await self._tell(id)  # what was written here just now
        return await self._turn(id, waking.claim(id, worker))

    async def ack(
        self, id: str, kind: str, token: str, wake: str, generation: int, acks: Mapping[str, int], done: bool
    ) -> Turn:
        """Take note of what a worker has processed; see `waking.ack`."""
        await self._check(id, token, wake)
        rule = waking.ack(id, kind, wake, generation, acks, done, await self._heads(acks))
        return await self._turn(id, rule)

    async def release(self, id: str, token: str, wake: str, generation: int) -> None:
        """End a worker's lease; see `waking.release`."""
        await self._check(id, token, wake)
        await self._turn(id, waking.release(id, wake, generation))

    @property
    def listens(self) -> bool:
        """Whether there is any subscription."""
        return bool(self._known)

    def changed(self, path: str) -> None:
        """Note that the stream at `path` has grown or gone."""
        if not self._known:
            return
        if path not in self._concerned:
            if len(self._concerned) >= REMEMBERED:
                self._concerned.clear()
            self._concerned[path] = [
                id for id, known in self._known.items() if path in known.links or known.wants(path)
            ]
        for id in self._concerned[path]:
            self._news.setdefault(id, set()).add(path)
            self._wanted.set()

    async def look(self, path: str) -> None:
        """Do what is due for the subscription at `path`."""
        id = path.removeprefix(ROOT)
        with suppress(SubscriptionError):  # it was deleted meanwhile
            turn = await self._turn(id, waking.look(id))
            if turn.checking:
                self._checks.add(id)
                self._wanted.set()

    async def _check(self, id: str, token: str, wake: str) -> None:
        await self.get(id)
        (await self.keys()).check(token, wake)

    async def _turn(self, id: str, rule: Rule[Turn], *, registered: bool = False) -> Turn:
        terms = (await self.get(id)).subscription
        assert terms is not None
        paths = waking.paths(id, terms.terms)
        if registered:
            turn = await self._store.transact([*paths, INDEX], waking.registered(rule))
            await self._refresh()
        else:
            turn = await self._store.transact(paths, rule)
        if turn.called:
            self.changed(paths[0])
        if turn.issued:
            task = asyncio.create_task(self._deliver(id, turn.stream))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)
        return turn

    async def _deliver(self, id: str, stream: Stream) -> None:
        subscription = stream.subscription
        assert subscription is not None
        with suppress(RelayError):  # deleted meanwhile; or the store is broken, and the lease will run out
            done = await self._send(id, stream, subscription)
            if done is None:
                await self._turn(id, waking.failed(id, stream, random.uniform(-1, 1)))
            else:
                await self._turn(id, waking.delivered(id, stream, done))

    async def _send(self, id: str, stream: Stream, subscription: Subscription) -> bool | None:
        if self._webhooks is None or subscription.terms.url is None:
            return None
        keys, wake = await self.keys(), wake_id(stream)
        notification = {
            "subscription_id": id,
            "wake_id": wake,
            "generation": subscription.generation,
            "streams": stream_infos(subscription),
            "callback_url": f"{subscription.base}{ROOT}{quote(id, safe='')}/callback",
            "callback_token": keys.token(wake),
        }
        body = msgspec.json.encode(notification)
        signature = keys.sign(body, int(self._store.now()))
        patience = IN_TIME * subscription.terms.lease_ttl_ms / 1000
        return await self._webhooks.send(subscription.terms.url, body, signature, patience)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        fresh = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH):
                    await self._wanted.wait()
            self._wanted.clear()
            with suppress(StoreError):  # the next round may go better; what was not told is found by a look
                if loop.time() - fresh >= REFRESH:
                    await self._refresh()
                    fresh = loop.time()
                await self._work()
            await asyncio.sleep(PAUSE)

    async def _work(self) -> None:
        for id in list(self._news):
            with suppress(SubscriptionError):  # deleted meanwhile
                await self._tell(id)
        if self._checks:
            id = self._checks.pop()
            self._wanted.set()  # there may be more
            with suppress(SubscriptionError):
                subscription = (await self.get(id)).subscription
                assert subscription is not None
                found = await self._found(subscription.terms, subscription.links)
                await self._turn(id, waking.notice(id, found))

    async def _tell(self, id: str) -> None:
        """Tell a subscription what was written here; return when it knows all that was written before."""
        async with self._telling:
            if news := self._news.pop(id, None):
                await self._turn(id, waking.notice(id, await self._heads(news)))

    async def _refresh(self) -> None:
        """Read the subscriptions, if they are not as they were."""
        page = await self._store.read(INDEX, 0, 0)
        version = 0 if page is None else page.stream.tail
        if version == self._version:
            return
        streams = await self._store.streams(ROOT, "", 2 * MAX_SUBSCRIPTIONS)
        self._version = version
        self._known = {
            stream.path.removeprefix(ROOT): stream.subscription for stream in streams if stream.subscription is not None
        }
        self._concerned.clear()

    async def _heads(self, paths: Iterable[str]) -> dict[str, Stream | None]:
        pages = {path: await self._store.read(path, 0, 0) for path in paths}
        return {path: page.stream if page else None for path, page in pages.items()}

    async def _found(self, terms: Terms, named: Iterable[str], most: int | None = None) -> dict[str, Stream | None]:
        """Return the named streams and those that match; more than `most` of these are refused."""
        found = await self._heads(named)
        if terms.pattern is None:
            return found
        wanted = Subscription(terms, "", 0.0)
        prefix, after, now = literal_prefix(terms.pattern), "", self._store.now()
        while page := await self._store.streams(prefix, after, PAGE):
            after = page[-1].path
            living = (stream for stream in page if not stream.deleted and not expired(stream, now))
            found |= {stream.path: stream for stream in living if wanted.wants(stream.path)}
            if most is not None and len(found) > most:
                raise RelayLimitError("max_links", most)
        return found


def stream_infos(subscription: Subscription) -> list[dict[str, str | bool]]:
    """Return what workers are told of the streams (7.1)."""
    return [
        {
            "path": path,
            "link_type": "explicit" if link.explicit else "glob",
            "acked_offset": to_offset(link.acked),
            "tail_offset": to_offset(link.tail),
            "has_pending": link.pending,
        }
        for path, link in subscription.links.items()
    ]


def client_for(origins: Sequence[str]) -> Webhooks | None:
    """Return what sends webhooks to these origins; without any, there is none.

    Raises:
        CallerError: One is no origin.
        RelayError: The extras ``relay`` and ``http`` are not installed.
    """
    if not origins:
        return None
    try:
        import cryptography  # noqa: F401

        from .webhooks import Webhooks
    except ImportError as error:
        raise RelayError(f"webhooks need pip install 'streamfold[relay,http]': {error}") from error
    return Webhooks(origins)
