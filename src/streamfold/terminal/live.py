"""Show a stream on a terminal as it arrives, by one thread that does all the writing.

The thread is there so that something can happen while nothing arrives: the spinner turns, paced text flows. The
reader of the stream hands events over through a queue, and waits where the terminal is slower than the stream by
`QUEUE` events. All that is ever erased is the spinner, by a carriage return.
"""

from __future__ import annotations

import queue
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.segment import Segment

from ..events import Event
from .display import Display, Reasoning
from .pacing import PacedSegments
from .spinner import TURN, Spinner
from .writer import Writer

QUEUE = 1_024
"""Bounds how many events wait for a slow terminal."""

FRAME = 1 / 60
"""Seconds between two writes of paced text."""


def suits(file: TextIO) -> bool:
    """Tell whether `file` is a terminal that understands styles, or the user says so (``FORCE_COLOR``)."""
    console = Console(file=file)
    return console.is_terminal and not console.is_dumb_terminal


class Live:
    """Show events on `file`, from `feed` to the end of the context.

    Args:
        file: A terminal.
        reasoning: What to do with the model's reasoning.
        smooth: Whether to let text flow evenly: `pacing`.
    """

    def __init__(self, file: TextIO, *, reasoning: Reasoning = "summary", smooth: bool = False) -> None:
        console = Console(file=file)
        self._writer = Writer(file, colors=not console.no_color and console.color_system is not None)
        self._display = Display(lambda: console.width, reasoning)
        self._spinner = Spinner(file) if file.isatty() else None
        self._paced = PacedSegments() if smooth else None
        self._events: queue.Queue[Event | None] = queue.Queue(QUEUE)  # None: the end
        self._hurry = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="streamfold-live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def feed(self, event: Event) -> None:
        """Hand the next event over.

        Raises:
            OSError: The terminal cannot be written to.
        """
        if self._error:
            raise self._error
        self._events.put(event)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show what is left: at once where the reader leaves by an error or Ctrl-C."""
        self._hurry = error is not None
        self._events.put(None)
        self._thread.join()
        if self._error and error is None:
            raise self._error

    # -- The thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._show()
        except OSError as error:
            self._error = error
            while self._events.get() is not None:
                pass  # so that the reader does not wait for a place

    def _show(self) -> None:
        going = True
        while going:
            try:
                event = self._events.get(timeout=self._timeout())
            except queue.Empty:
                if not self._paced and self._spinner and self._display.waits_for:
                    self._spinner.turn(self._display.waits_for, time.monotonic())
            else:
                going = event is not None
                now = time.monotonic()
                self._out(self._display.feed(event, now) if event else self._display.close(now), now)
            if self._paced:
                self._write(self._paced.due(time.monotonic()))
        while self._paced and not self._hurry:
            time.sleep(FRAME)
            self._write(self._paced.due(time.monotonic()))
        if self._paced is not None:
            self._write(self._paced.close())
        self._write([])
        self._writer.reset()

    def _timeout(self) -> float | None:
        """Return how long the next event can be waited for, in seconds."""
        if self._paced:
            return FRAME
        return TURN if self._spinner and self._display.waits_for else None

    def _out(self, segments: list[Segment], now: float) -> None:
        if self._paced is None:
            self._write(segments)
        else:
            self._paced.feed(segments, now)

    def _write(self, segments: list[Segment]) -> None:
        if self._spinner and (segments or not self._display.waits_for):
            self._spinner.erase()
        self._writer.write(segments)
