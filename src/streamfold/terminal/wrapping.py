"""Break lines between words, while the words arrive.

What is printed stays, so a word that may not fit must be waited for. Most need not be: a word that starts at least
`REACH` cells before the edge is printed letter by letter, and in the rare case that it reaches the edge, it is cut
there; a word that starts nearer is held until it ends, or until it does not fit and goes to the next line. So at most
`REACH` cells wait, and only at the edge.

Widths are in cells, by `wcwidth`. A wide character is a word of its own, but a closing mark stays with what is before
it (kinsoku). An emoji is held until the next character, since it may grow (Unicode Standard Annex 29): it is never
cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from rich.segment import Segment
from rich.style import Style
from wcwidth import iter_graphemes, wcswidth, wcwidth

from .theme import PLAIN

REACH = 24
"""Cells that must be left for a word to be printed before it has ended; on a narrow line half of it."""

CLOSING = frozenset("、。，．：；！？）〕］｝〉》」』】〙〗ー")
"""What must not start a line (JIS X 4051)."""

_PIECE = re.compile(r"[ \t]+|[^ \t]+")
_WIDE_REACH = 4  # cells: a wide character, and a closing mark behind it


class Wrapper:
    """Write a line of text onto as many of the terminal's as it takes, from `begin` to `close`.

    Args:
        width: Gives the terminal's width in cells; it is asked anew for every line of the terminal's.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        self._ask_width = width
        self._width = 0
        self._hanging: list[Segment] = []
        self._indent = self._column = 0  # cells
        self._gap: list[Segment] = []  # spaces, not printed yet: a line that ends here needs none
        self._word: list[tuple[str, int, Style]] = []  # what is held of the word, with its width
        self._held = 0  # cells
        self._state = ""  # of the word: "" none, "held", "printed" as it comes
        self._wide = False  # whether the word is a wide character
        self._emoji: tuple[str, Style] | None = None

    def begin(self, first: list[Segment], hanging: list[Segment]) -> list[Segment]:
        """Start a line.

        Args:
            first: What stands before the text.
            hanging: What stands before the text on the lines after that; as wide as `first`.
        """
        self._indent = sum(wcswidth(segment.text) for segment in hanging)
        self._hanging = hanging
        self._measure()
        return list(first)

    def feed(self, text: str, style: Style = PLAIN) -> list[Segment]:
        """Take text of the line in; return what can be printed."""
        shown: list[Segment] = []
        for piece in _PIECE.findall(text):
            if piece[0] in " \t":
                shown += self._end_word()
                self._gap.append(Segment(piece.replace("\t", "    "), style))
                continue
            if self._emoji and (piece.isascii() or style != self._emoji[1]):
                shown += self._flush_emoji()
            if piece.isascii():
                shown += self._add_unit(piece, len(piece), style)
                continue
            for unit, cells in self._units(piece, style):
                shown += self._add_unit(unit, cells, style)
        return shown

    def close(self) -> list[Segment]:
        """End the line; return what was held, and a newline."""
        shown = [*self._end_word(), Segment("\n")]
        self._gap = []
        return shown

    def _units(self, piece: str, style: Style) -> Iterator[tuple[str, int]]:
        """Yield what must not be cut, with its width; an emoji at the end waits for what follows."""
        if self._emoji:
            piece = self._emoji[0] + piece
            self._emoji = None
        *units, last = units_of(piece)
        yield from units
        if _grows(last[0]):
            self._emoji = (last[0], style)
        else:
            yield last

    def _add_unit(self, unit: str, cells: int, style: Style) -> list[Segment]:
        if cells == 0 or (unit in CLOSING and self._state):
            return self._add(unit, cells, style, REACH)
        wide = cells > 1 and not unit.isascii()
        shown = self._end_word() if wide or self._wide else []
        self._wide = wide
        return shown + self._add(unit, cells, style, _WIDE_REACH if wide else REACH)

    def _add(self, text: str, cells: int, style: Style, reach: int) -> list[Segment]:
        """Add to the word, or start it."""
        room = self._width - self._column - _length(self._gap)
        if not self._state:
            self._state = "printed" if room >= min(reach, (self._width - self._indent) // 2) else "held"
        if self._state == "printed":
            return self._print(text, cells, style)
        self._word.append((text, cells, style))
        self._held += cells
        if self._held <= room:
            return []
        self._state = "printed"
        shown = self._break() if self._column > self._indent else []
        return shown + self._print_word()

    def _end_word(self) -> list[Segment]:
        shown = self._flush_emoji() if self._emoji else []
        shown += self._print_word()
        self._state = ""
        self._wide = False
        return shown

    def _flush_emoji(self) -> list[Segment]:
        assert self._emoji
        (unit, style), self._emoji = self._emoji, None
        return self._add_unit(unit, wcswidth(unit), style)

    def _print_word(self) -> list[Segment]:
        word, self._word, self._held = self._word, [], 0
        return [segment for text, cells, style in word for segment in self._print(text, cells, style)]

    def _print(self, text: str, cells: int, style: Style) -> list[Segment]:
        """Print the gap and the text; what does not fit is cut."""
        shown, self._gap = self._gap, []
        self._column += _length(shown)
        if self._column + cells <= self._width:
            self._column += cells
            return [*shown, Segment(text, style)]
        for unit, width in units_of(text):
            if self._column + width > self._width:
                shown += self._break()
            self._column += width
            shown.append(Segment(unit, style))
        return shown

    def _break(self) -> list[Segment]:
        self._gap = []
        self._measure()
        return [Segment("\n"), *self._hanging]

    def _measure(self) -> None:
        """Begin a line of the terminal's, which may be another than it was."""
        self._column = self._indent
        self._width = max(self._ask_width(), self._indent + _WIDE_REACH)


def units_of(text: str) -> Iterator[tuple[str, int]]:
    """Yield the emoji and the single characters of `text`, with their widths in cells."""
    if text.isascii():
        yield from ((char, 1) for char in text)
        return
    for cluster in iter_graphemes(text):
        if _grows(cluster):
            yield cluster, wcswidth(cluster)
        else:  # a letter is as wide with its accents as without, so they need not be waited for
            yield from ((char, _cells(char)) for char in cluster)


def _cells(char: str) -> int:
    """Return the width of a character; a vowel sign of Indic scripts is as wide as most terminals make it."""
    return 1 if unicodedata.category(char) == "Mc" else max(wcwidth(char), 0)


def _grows(cluster: str) -> bool:
    """Tell whether it is an emoji or another symbol, which what follows may join or widen."""
    return not cluster.isascii() and unicodedata.category(cluster[0]) in {"So", "Sk"}


def _length(gap: list[Segment]) -> int:
    return sum(len(segment.text) for segment in gap)
