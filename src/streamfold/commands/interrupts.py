"""Take Ctrl-C once: it ends what is going on, and what ends it is not to be broken off too."""

from __future__ import annotations

import signal


def arm() -> None:
    """Let the next Ctrl-C raise KeyboardInterrupt; those after it are ignored until this is called again.

    Closing takes a moment, and ``timeout -s INT`` or an impatient hand sends more.
    """
    signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(number: int, frame: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
