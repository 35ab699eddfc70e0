"""Turn a spinner with the elapsed time while there is nothing to show yet."""

from __future__ import annotations

import time
from typing import TextIO

TURN = 0.1
"""Seconds between two pictures."""

_PICTURES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ERASE = "\r\x1b[K"  # to the line's end (ECMA-48, EL)


class Spinner:
    """Stand at the start of an empty line of `file`, which must be a terminal."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._since = time.monotonic()
        self._what = "waiting"
        self._shown = False

    def turn(self, what: str, now: float) -> None:
        """Show that `what` has been going on at `now`, a time of `time.monotonic`."""
        if what != self._what:
            self._what, self._since = what, now
        elapsed = now - self._since
        picture = _PICTURES[int(elapsed / TURN) % len(_PICTURES)]
        self._file.write(f"{_ERASE if self._shown else ''}{picture} {what} {elapsed:.1f} s")
        self._file.flush()
        self._shown = True

    def erase(self) -> None:
        """Leave the line as it was."""
        if self._shown:
            self._file.write(_ERASE)
            self._file.flush()
            self._shown = False
