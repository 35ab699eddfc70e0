"""Hear of the end before the server waits for it: event streams would keep it waiting for as long as they last.

A server tells an application of its shutdown when all responses are finished. What finishes them here is that their
generations end, so the signal itself must be heard. Where the application runs in a thread, nobody sends it one.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def early_notice(notice: Callable[[], object]) -> Iterator[None]:
    """Call `notice` in the event loop when this process is asked to end, and let the server hear of it as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(notice)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
