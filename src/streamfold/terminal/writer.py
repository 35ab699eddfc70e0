"""Write segments to a terminal: the style is switched where it changes, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TextIO

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from .theme import PLAIN

RESET = "\x1b[0m"


class Writer:
    """Write segments to `file`, which is flushed after each call.

    Args:
        file: A terminal.
        colors: Whether it has colours; without them bold, italics and the like are left.
    """

    def __init__(self, file: TextIO, *, colors: bool) -> None:
        self._file = file
        self._colors = colors
        self._style = PLAIN

    def write(self, segments: Iterable[Segment]) -> None:
        """Write the segments."""
        pieces: list[str] = []
        for text, style, _ in segments:
            style = style or PLAIN
            if (style != self._style and text.strip(" \n")) or (self._style != PLAIN and style == PLAIN):
                pieces.append(self._switch(style))
            pieces.append(text)
        if pieces:
            self._file.write("".join(pieces))
            self._file.flush()

    def reset(self) -> None:
        """Leave the terminal in its own style."""
        if self._style != PLAIN:
            self._file.write(self._switch(PLAIN))
            self._file.flush()

    def _switch(self, style: Style) -> str:
        leave = RESET if self._style != PLAIN else ""
        self._style = style
        return leave + _codes(style if self._colors else style.without_color)


@lru_cache(maxsize=256)
def _codes(style: Style) -> str:
    """Return what turns `style` on."""
    return style.render("\0", color_system=ColorSystem.STANDARD).partition("\0")[0]
