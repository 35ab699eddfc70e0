"""Follow a generation as events, whatever protocol they are then said in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from ..encoders import Encoder
from ..events import Event, StreamEnd
from ..folding import Shown
from ..reply import Verdict
from .errors import RelayError
from .log import Log
from .records import Refold
from .sse import KEEP_ALIVE

HEARTBEAT = 15.0
"""Seconds without news after which an event stream shows that it is alive."""


async def refolded(log: Log, path: str, *, wait: bool = False) -> Refold:
    """Read a generation as far as it is there; to its end, if you `wait`.

    Raises:
        RelayError: As `Log.read`.
    """
    refold = Refold()
    async with aclosing(log.follow(path, 0)) as pages:
        async for page in pages:
            for record in page.records:
                refold.feed(record)
            if page.up_to_date and not wait:
                break
    return refold


async def events(log: Log, path: str, refold: Refold) -> AsyncGenerator[Shown, None]:
    """Yield the events of a generation from its first one, as they come; nothing, in time, shows that it is alive."""
    async with aclosing(log.follow(path, 0, patience=HEARTBEAT)) as pages:
        async for page in pages:
            yield [event for record in page.records for event in refold.feed(record)]


async def encoded(shown: AsyncGenerator[Shown, None], encoder: Encoder) -> AsyncGenerator[bytes, None]:
    """Yield what a protocol says for these events."""
    async with aclosing(shown):
        try:
            async for some in shown:
                yield b"".join([encoder.feed(honest(event)) for event in some]) or KEEP_ALIVE
        except RelayError:  # the log is gone: the reader comes back, and is told
            return


def honest(event: Event | str) -> Event | str:
    """Return the event; an end that was none as an error, so that no protocol can pass over it."""
    if isinstance(event, StreamEnd) and event.reply.verdict in (Verdict.TRUNCATED, Verdict.TIMED_OUT):
        return StreamEnd(replace(event.reply, verdict=Verdict.ERRORED))
    return event
