"""Lay out text that is no Markdown, in one style, line for line."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style

from .controls import neutralised
from .wrapping import Wrapper


class Prose:
    """Lay out one text, from `feed` to `close`; then it is ready for the next.

    Args:
        width: Gives the terminal's width in cells; it is asked anew for every line of the terminal's.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        self._wrapper = Wrapper(width)
        self._in_line = False

    def feed(self, text: str, style: Style) -> list[Segment]:
        """Take the next piece of the text in; return what can be printed."""
        shown: list[Segment] = []
        for place, line in enumerate(neutralised(text).split("\n")):
            if place:
                shown += self._wrapper.close() if self._in_line else [Segment("\n")]
                self._in_line = False
            if line:
                shown += [] if self._in_line else self._wrapper.begin([], [])
                self._in_line = True
                shown += self._wrapper.feed(line, style)
        return shown

    def close(self) -> list[Segment]:
        """End the text; what was printed then ends with a newline."""
        shown = self._wrapper.close() if self._in_line else []
        self._in_line = False
        return shown

    def line(self, text: str, style: Style) -> list[Segment]:
        """Return a whole text on lines of its own."""
        return [*self.close(), *self.feed(text, style), *self.close()]
