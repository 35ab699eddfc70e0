"""Say a generation in the words of a protocol, as it comes.

What a reader gets from the store is told by a `Teller` of its own. At the tail, where readers share the pages, what is
said of a page is said once for all readers of the protocol: by the first of them who has come so far, whose teller
belongs to the tail from then on. That is possible as a protocol's words depend on nothing but the log. A reader that
falls behind begins another teller.
"""

from __future__ import annotations

from collections.abc import Callable

from ..encoders import Encoder
from ..folding import Shown
from .following import honest
from .log import Log
from .readers import Reader
from .records import Refold
from .rules.stream import Page


class Teller:
    """What a protocol says of a log, from its first record on.

    Attributes:
        position: How many records were folded.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.position = 0
        self._refold = Refold()
        self._encoder = encoder

    def fold(self, page: Page) -> Shown:
        """Return the events of the page that comes next."""
        self.position = page.next
        return [event for record in page.records for event in self._refold.feed(record)]

    def say(self, shown: Shown) -> bytes:
        """Return the protocol's words for the events that come next."""
        return b"".join([self._encoder.feed(honest(event)) for event in shown])


class Telling:
    """One reader's way through a log.

    Args:
        log: Where it is.
        reader: Who reads it, from its first record on.
        encoder: Makes what says events: alike for all readers of the log.
    """

    def __init__(self, log: Log, reader: Reader, encoder: Callable[[], Encoder]) -> None:
        self._log = log
        self._reader = reader
        self._encoder = encoder
        first = encoder()
        self._protocol = type(first).__name__
        self._own: Teller | None = Teller(first)

    def begin(self, pages: list[Page]) -> Shown:
        """Return the events of the first pages; say them with `say` before `tell` tells on."""
        assert self._own is not None
        own = self._own
        return [event for page in pages for event in own.fold(page)]

    def say(self, shown: Shown) -> bytes:
        """Return the protocol's words for the first events."""
        assert self._own is not None
        return self._own.say(shown)

    async def tell(self, pages: list[Page]) -> bytes:
        """Return what the protocol says of these pages.

        Raises:
            RelayError: As `Log.read`.
        """
        told = []
        for page in pages:
            said = self._shared(page)
            told.append(await self._tell(page) if said is None else said)
        return b"".join(told)

    def tell_at_once(self, pages: list[Page]) -> bytes:
        """Return the same if nothing must be read for it, else nothing."""
        told = []
        for page in pages:
            said = self._shared(page)
            if said is None:
                return b""
            told.append(said)
        return b"".join(told)

    def _shared(self, page: Page) -> bytes | None:
        """Return what all readers of the page are told, if somebody is there to tell."""
        tail, protocol = self._reader.tail, self._protocol
        said = page.encoded.get(protocol)
        if said is None:
            shared = tail.tellers.get(protocol)
            if shared is None or shared.position != page.after or not page.records or not tail.shares(page):
                return None
            said = page.encoded[protocol] = shared.say(shared.fold(page))
        self._own = None
        return said

    async def _tell(self, page: Page) -> bytes:
        """Tell of the page oneself; from here on for all who share it, if nobody else does."""
        if not page.records:
            return b""
        tail, protocol = self._reader.tail, self._protocol
        own = await self._caught_up(page.after)
        said = own.say(own.fold(page))
        shared = tail.tellers.get(protocol)
        if tail.shares(page) and (shared is None or shared.position < own.position):
            page.encoded[protocol] = said
            tail.tellers[protocol], self._own = own, None
        return said

    async def _caught_up(self, position: int) -> Teller:
        """Return a teller of one's own that has told the first `position` records."""
        own = self._own = self._own or Teller(self._encoder())
        while own.position < position:
            page = await self._log.read(self._reader.tail.path, own.position, self._log.limits.page)
            own.say(own.fold(Page(page.stream, page.after, page.records[: position - page.after])))
        return own
