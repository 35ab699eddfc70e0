"""Watch the clocks of a stream whose reads block: from a thread beside it, which interrupts a read that takes too long.

A socket's own timeout would not do: each byte of a keep-alive begins it anew, and it ends neither slow headers nor a
total. The thread sleeps from one deadline to the next and wakes for nothing else; it is there only while a stream with
a limit is open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from ..clocks import Clock, Deadline


class Watch:
    """The watch over one stream's reads.

    Args:
        clock: Tells what passes when.
        interrupt: Makes the read that blocks return.

    Attributes:
        since: When the read began that is going on; ``None`` between two reads.
        passed: The deadline that passed in a read.
    """

    def __init__(self, clock: Clock, interrupt: Callable[[], object]) -> None:
        self.since: float | None = None
        self.passed: Deadline | None = None
        self._clock = clock
        self._interrupt = interrupt
        self._changed = threading.Condition(threading.Lock())
        self._idle = False  # nothing to wait for until a read begins
        self._stopped = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Note that a read begins."""
        self.since = monotonic()
        if self._thread is None:
            if self._clock.deadline() is None:
                return
            self._thread = threading.Thread(target=self._run, name="streamfold-watch", daemon=True)
            self._thread.start()
        elif self._idle:
            self.look()

    def look(self) -> None:
        """Look at the clocks now: something may pass earlier than was thought."""
        with self._changed:
            self._changed.notify()

    def turn_to(self, clock: Clock) -> None:
        """Watch another clock from now on."""
        self._clock = clock
        self.look()

    def reset(self) -> None:
        """Begin anew, with the clocks of another attempt."""
        if self.passed is None:
            self.look()  # what is waited for may pass earlier than what was
            return
        self.stop()
        self.passed, self._stopped = None, False

    def stop(self) -> None:
        """End the watch, and its thread."""
        self._stopped = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self.look()
            if thread is not threading.current_thread():
                thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                self._idle = True  # before the look at `since`: either this sees the read, or the reader sees this
                since = self.since
                seen = None if since is None else self._clock.look(monotonic(), since)
                if isinstance(seen, Deadline):
                    self.passed = seen
                    self._interrupt()
                    return
                self._idle = seen is None
                self._changed.wait(seen)
