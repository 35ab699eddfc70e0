"""Give a recording back at its own pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import TypeVar

from ..intake import Options
from .conversion import wire_of
from .faults import Ending, Faults, Piece, spoiled
from .source import Chunk, Recording

Timed = TypeVar("Timed", bound=Piece | Chunk)


def paced(timed: Iterable[Timed], speed: float | None, wait: Callable[[float], object] = time.sleep) -> Iterator[Timed]:
    """Yield `timed` when they are due, counted from the first call.

    Args:
        timed: What was recorded, each with its time.
        speed: How many times faster than it came; ``None`` is at once.
        wait: Waits for so many seconds.
    """
    started = time.monotonic()
    for one in timed:
        if speed is not None and (left := one.at / speed - (time.monotonic() - started)) > 0:
            wait(left)
        yield one


def replayed(recording: Recording, speed: float | None, faults: Faults, options: Options) -> Iterator[object]:
    """Yield what `recording` brought at its pace, as a source to be folded.

    Args:
        recording: What is replayed.
        speed: See `paced`.
        faults: How it is spoiled. Text and decoded chunks, which have no bytes, are spoiled as OpenAI chat.
        options: How it will be folded.
    """
    if faults == Faults():
        timed: Iterable[Chunk | Piece] = recording.folded
        ending = Ending.END
    else:
        timed, ending = spoiled(wire_of(recording, options).pieces, faults)
        yield b""  # it is bytes that follow, even if none do
    for one in paced(timed, speed):
        yield one.data
    if ending is Ending.STALL:
        Event().wait()  # until Ctrl-C
    if ending is Ending.END and (how := recording.ending) is not None:
        raise how
