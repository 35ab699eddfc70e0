"""Follow a generation as events, whatever protocol they are then said in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
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


async def refolded(
    log: Log, path: str, *, wait: bool = False, told: Callable[[Event | str], object] | None = None
) -> Refold:
    """Read a generation as far as it is there; to its end, if you `wait`.

    Args:
        log: Where it is.
        path: Which.
        wait: Whether to wait for its end.
        told: Called with each event.

    Raises:
        RelayError: As `Log.read`.
    """
    refold = Refold()
    async with aclosing(log.follow(path, 0)) as pages:
        async for page in pages:
            for record in page.records:
                shown = refold.feed(record)
                if told is not None:
                    for event in shown:
                        told(event)
            if page.up_to_date and not wait:
                break
    return refold


async def events(log: Log, path: str, refold: Refold) -> AsyncGenerator[Shown, None]:
    """Yield the events of a generation from its first one, as they come; nothing, in time, shows that it is alive."""
    async with aclosing(log.follow(path, 0, patience=HEARTBEAT)) as pages:
        async for page in pages:
            yield [event for record in page.records for event in refold.feed(record)]


async def encoded(shown: AsyncGenerator[Shown, None], encoder: Encoder, skip: int = 0) -> AsyncGenerator[bytes, None]:
    """Yield what a protocol says for these events, without the first `skip` server-sent events of it."""
    async with aclosing(shown):
        try:
            async for some in shown:
                said = b"".join([encoder.feed(honest(event)) for event in some])
                if skip and said:
                    blocks = said.split(b"\n\n")[:-1]  # JSON has no line ends of its own
                    said = b"".join([block + b"\n\n" for block in blocks[skip:]])
                    skip = max(0, skip - len(blocks))
                yield said or KEEP_ALIVE
        except RelayError:  # the log is gone: the reader comes back, and is told
            return


def honest(event: Event | str) -> Event | str:
    """Return the event; an end that was none as an error, so that no protocol can pass over it."""
    if isinstance(event, StreamEnd) and event.reply.verdict in (Verdict.TRUNCATED, Verdict.TIMED_OUT):
        return StreamEnd(replace(event.reply, verdict=Verdict.ERRORED))
    return event
