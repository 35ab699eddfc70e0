"""Read a generation as events, whatever protocol they are then said in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from ..events import Event, StreamEnd
from ..reply import Verdict
from .log import Log
from .records import Refold


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


def honest(event: Event | str) -> Event | str:
    """Return the event; an end that was none as an error, so that no protocol can pass over it."""
    if isinstance(event, StreamEnd) and event.reply.verdict in (Verdict.TRUNCATED, Verdict.TIMED_OUT):
        return StreamEnd(replace(event.reply, verdict=Verdict.ERRORED))
    return event
