"""Ending tasks that would go on for ever."""

from __future__ import annotations

import asyncio

AGAIN = 0.5
"""Seconds until a task that goes on is cancelled again."""


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they are over; what they raised is dropped.

    Once may not be enough: `asyncio.wait_for` of Python 3.11, which libraries use, can lose a cancellation that comes
    in the same moment as what it waits for, and the task goes on.
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        _, going_on = await asyncio.wait(going_on, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
