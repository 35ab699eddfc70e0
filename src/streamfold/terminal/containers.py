"""Keep what a line of Markdown stands in: the quotes and the lists that are open (CommonMark 0.31.2, 5).

A line tells by its number of ``>`` and the column of its text where it belongs. Models indent by two columns where
CommonMark wants three or four: so a line belongs to the nearest item whose marker stands `_NESTED` columns to its left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.segment import Segment

from .lines import MAX_START, Line
from .theme import DIM, MARKER

MAX_DEPTH = 8
"""Bounds how deep lists and quotes are shown: what stands before each line must not outgrow the line."""

TAB = 4  # columns (CommonMark 2.2)

_QUOTES = re.compile(r"(?: {0,3}> ?)*")
_BULLETS = "•◦▪"
_NESTED = 2  # columns that a line stands further right than the marker of the item it belongs to; models use few


@dataclass(slots=True)
class _Item:
    """An item of a list that is open: the column of its marker, and that in which its text is shown."""

    column: int
    indent: int


class Containers:
    """The quotes and lists that are open, line by line.

    Attributes:
        quotes: In how many quotes the last line stood.
    """

    def __init__(self) -> None:
        self.quotes = 0
        self._items: list[_Item] = []
        self._markers: list[Segment] = []  # of items whose text has not begun, on the same line
        self._marker_column = 0

    @property
    def is_at_marker(self) -> bool:
        """Whether an item has begun on this line whose text has not."""
        return bool(self._markers)

    @property
    def is_in_list(self) -> bool:
        """Whether the line belongs to an item."""
        return bool(self._items)

    @property
    def has_room(self) -> bool:
        """Whether one more item can be opened."""
        return len(self._items) < MAX_DEPTH

    def dissected(self, start: str) -> tuple[int, int, str]:
        """Return how many quotes the line that begins with `start` stands in, the column of its text, and the text."""
        found = _QUOTES.match(start, 0, MAX_START)
        end = found.end() if found and not self._markers else 0
        body = start[end:]
        text = body.lstrip(" \t")
        if self._markers:
            return self.quotes, self._marker_column, text
        column = len(body[: len(body) - len(text)].expandtabs(TAB))
        return min(start[:end].count(">"), MAX_DEPTH), column, text

    def unquoted(self, line: str) -> str | None:
        """Return `line` without the marks of the quotes that are open; None if it does not stand in any of them."""
        found = re.match(rf"(?: {{0,3}}> ?){{0,{self.quotes}}}", line)
        n = found.end() if found else 0
        return line[n:] if n or not self.quotes else None

    def enter(self, column: int, quotes: int) -> None:
        """Leave the lists that a line in that column does not belong to."""
        if quotes != self.quotes:
            self._items.clear()
            self.quotes = quotes
        while self._items and column < self._items[-1].column + _NESTED:
            self._items.pop()

    def begin_item(self, line: Line, column: int, quotes: int) -> None:
        """Open an item, whose marker stands in that column."""
        self.enter(column, quotes)
        indent = self._items[-1].indent if self._items else 0
        marker = line.marker if line.marker[-1] in ".)" else _BULLETS[len(self._items) % len(_BULLETS)]
        self._markers = [*(self._markers or self.hanging()), Segment(marker + " ", MARKER)]
        self._marker_column = column + max(line.rest, _NESTED)
        self._items.append(_Item(column, indent + len(marker) + 1))

    def first(self) -> list[Segment]:
        """Return what stands before the first line: the item's marker, once."""
        markers, self._markers = self._markers, []
        return markers or self.hanging()

    def hanging(self) -> list[Segment]:
        """Return what stands before the lines after that."""
        quotes = [Segment("│ " * self.quotes, DIM)] if self.quotes else []
        return [*quotes, Segment(" " * self._items[-1].indent)] if self._items else quotes
