"""Lay out Markdown while it arrives, for a terminal on which nothing is printed twice.

What a line is shows at its start (`lines`); then its text is styled (`inline`) and broken (`wrapping`) as it comes.
What can only be told later waits, and every wait is bounded:

- a word near the edge for its end, a span for its closer: `wrapping.REACH`, `inline.HOLD`;
- a line of code for its end, to be highlighted: `highlighting.MAX_LINE`;
- a table for its last row, since its columns are as wide as their widest cells: `TABLE_HOLD`; a longer one is shown in
  several, each under the same head.

Line breaks stay where the model made them: in its replies they are meant. Blank lines in a row become one, and none
ends the reply. Fences are shown, dimmed, so that code is told from text without colours too.

The segments are the same however the text is cut, and the cost is linear in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from .controls import neutralised
from .highlighting import MAX_LINE, Highlighter
from .inline import Inline
from .lines import MAX_START, Line, line_of
from .tables import is_delimiter, table
from .theme import CODE, DIM, HEADINGS, MARKER, PLAIN
from .wrapping import Wrapper

TABLE_HOLD = 20_000
"""Bounds how much of a table is held, in characters."""

MAX_DEPTH = 8
"""Bounds how deep lists and quotes are shown: what stands before each line must not outgrow the line."""

_QUOTES = re.compile(r"(?: {0,3}> ?)*")
_BULLETS = "•◦▪"
_NESTED = 2  # columns that a line stands further right than the marker of the item it belongs to; models use few
TAB = 4  # columns (CommonMark 2.2)


@dataclass(slots=True)
class _Fence:
    marker: str
    column: int
    highlighter: Highlighter

    def is_closed_by(self, line: str) -> bool:
        return len(line) >= len(self.marker) and not line.strip(self.marker[0])


@dataclass(slots=True)
class _Item:
    """An item of a list that is open: the column of its marker, and that in which its text is shown."""

    column: int
    indent: int


class Markdown:
    """Lay out one text, from `feed` to `close`.

    Args:
        width: Gives the terminal's width in cells; it is asked anew for every line.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._start = ""  # of the line, while that must be seen
        self._feed: Callable[[str], list[Segment]] = self._feed_start  # takes text of the line
        self._close: Callable[[], list[Segment]] = self._close_start  # ends the line
        self._inline = Inline(PLAIN)
        self._wrapper = Wrapper()
        self._quotes = 0
        self._items: list[_Item] = []
        self._markers: list[Segment] = []  # of items whose text has not begun, on the same line
        self._marker_column = 0
        self._fence: _Fence | None = None
        self._rows: list[str] = []
        self._row_chars = 0
        self._in_text = False  # whether the last line was text, which the next may go on with
        self._blank = False  # whether a blank line is due
        self._began = False

    def feed(self, text: str) -> list[Segment]:
        """Take the next piece of the text in; return what can be printed."""
        shown: list[Segment] = []
        first, *more = neutralised(text).split("\n")
        if first:
            shown += self._feed(first)
        for line in more:
            shown += self._next_line()
            if line:
                shown += self._feed(line)
        return shown

    def close(self) -> list[Segment]:
        """End the text; return what was held. What was printed then ends with a newline."""
        return [*self._next_line(), *self._end_table()]

    def _next_line(self) -> list[Segment]:
        shown = self._close()
        self._start = ""
        self._feed, self._close = (
            (self._feed_code, self._close_code) if self._fence else (self._feed_start, self._close_start)
        )
        return shown

    # -- The start of a line, until it is known what the line is -------------------------------------------------------

    def _feed_start(self, text: str) -> list[Segment]:
        self._start += text
        return self._decide(ended=False)

    def _close_start(self) -> list[Segment]:
        shown = self._decide(ended=True)
        return shown if self._close == self._close_start else [*shown, *self._close()]

    def _decide(self, *, ended: bool) -> list[Segment]:
        shown: list[Segment] = []
        while True:
            quotes, column, body = self._dissected()
            line = line_of(body[:MAX_START], ended and len(self._start) <= MAX_START)
            if line is None and len(self._start) <= MAX_START:
                return shown
            line = line or Line("text")
            if line.kind == "item" and len(self._items) < MAX_DEPTH:
                shown += self._begin_item(line, column, quotes)
                self._start = body[line.rest :]
                continue
            return shown + self._begin(line, body, column, quotes)

    def _dissected(self) -> tuple[int, int, str]:
        """Return how many quotes the line stands in, the column of its text, and its text so far."""
        found = _QUOTES.match(self._start, 0, MAX_START)
        end = found.end() if found and not self._markers else 0
        body = self._start[end:]
        text = body.lstrip(" \t")
        indentation = body[: len(body) - len(text)]
        column = self._marker_column if self._markers else len(indentation.expandtabs(TAB))
        return self._quotes if self._markers else min(self._start[:end].count(">"), MAX_DEPTH), column, text

    def _begin_item(self, line: Line, column: int, quotes: int) -> list[Segment]:
        shown = self._end_table()
        self._enter(column, quotes)
        shown += self._gap()
        indent = self._items[-1].indent if self._items else 0
        marker = line.marker if line.marker[-1] in ".)" else _BULLETS[len(self._items) % len(_BULLETS)]
        self._markers = [*(self._markers or self._hanging()), Segment(marker + " ", MARKER)]
        self._marker_column = column + max(line.rest, _NESTED)
        self._items.append(_Item(column, indent + len(marker) + 1))
        return shown

    def _begin(self, line: Line, body: str, column: int, quotes: int) -> list[Segment]:
        """Begin a line that is no item, or is the text of one."""
        shown = [] if line.kind == "row" and quotes == self._quotes else self._end_table()
        if line.kind == "blank" and not self._markers:
            self._blank, self._in_text = True, False
            return shown
        if not (self._markers or (line.kind == "text" and self._in_text and quotes == self._quotes)):
            self._enter(column, quotes)
        self._in_text = line.kind == "text"
        if line.kind == "row" and not self._markers:
            return shown + self._begin_row(body)
        shown += self._gap()
        match line.kind:
            case "rule":
                self._feed, self._close = _nothing, list
                return [*shown, *self._first(), Segment("─" * self._room(), DIM), Segment("\n")]
            case "fence":
                self._feed, self._close = _nothing, list
                self._fence = _Fence(line.marker, column, Highlighter(line.info.split(" ")[0]))
                return [*shown, *self._first(), Segment(line.marker + line.info, DIM), Segment("\n")]
            case "heading":
                style = HEADINGS[min(len(line.marker), len(HEADINGS)) - 1]
                return shown + self._begin_text(body[line.rest :], style)
        return shown + self._begin_text(body)

    def _enter(self, column: int, quotes: int) -> None:
        """Leave the lists that a line in that column does not belong to."""
        if quotes != self._quotes:
            self._items.clear()
            self._quotes = quotes
        while self._items and column < self._items[-1].column + _NESTED:
            self._items.pop()

    # -- What stands before the text -----------------------------------------------------------------------------------

    def _gap(self) -> list[Segment]:
        """Return the blank line that is due."""
        due, self._blank = self._blank and self._began, False
        self._began = True
        return [Segment("\n")] if due else []

    def _first(self) -> list[Segment]:
        """Return what stands before the first line: the item's marker, once."""
        markers, self._markers = self._markers, []
        return markers or self._hanging()

    def _hanging(self) -> list[Segment]:
        """Return what stands before the lines after that."""
        quotes = [Segment("│ " * self._quotes, DIM)] if self._quotes else []
        return [*quotes, Segment(" " * self._items[-1].indent)] if self._items else quotes

    def _room(self) -> int:
        return max(self._width() - sum(len(segment.text) for segment in self._hanging()), 1)

    # -- Text ----------------------------------------------------------------------------------------------------------

    def _begin_text(self, text: str, style: Style = PLAIN) -> list[Segment]:
        self._inline.base = style
        self._feed, self._close = self._feed_text, self._close_text
        hanging = self._hanging()
        return [*self._wrapper.begin(self._width(), self._first(), hanging), *self._feed_text(text)]

    def _feed_text(self, text: str) -> list[Segment]:
        return self._wrapped(self._inline.feed(text))

    def _close_text(self) -> list[Segment]:
        return [*self._wrapped(self._inline.close()), *self._wrapper.close()]

    def _wrapped(self, segments: list[Segment]) -> list[Segment]:
        return [shown for text, style, _ in segments for shown in self._wrapper.feed(text, style or PLAIN)]

    # -- Code ----------------------------------------------------------------------------------------------------------

    def _feed_code(self, text: str) -> list[Segment]:
        self._start += text
        if len(self._start) <= MAX_LINE:
            return []
        self._feed, self._close = _as_code, _newline
        return [*self._hanging(), Segment(self._start, CODE)]

    def _close_code(self) -> list[Segment]:
        assert self._fence is not None
        found = _QUOTES.match(self._start) if self._quotes else None
        line = self._start[found.end() :] if found else self._start
        if self._fence.is_closed_by(line.strip()) or (self._quotes and not found):
            marker, self._fence = self._fence.marker, None
            return [*self._hanging(), Segment(marker, DIM), Segment("\n")]
        indentation = line[: self._fence.column]
        line = indentation.lstrip(" ") + line[self._fence.column :]
        return [*(self._hanging() if line else []), *self._fence.highlighter.line(line), Segment("\n")]

    # -- Tables --------------------------------------------------------------------------------------------------------

    def _begin_row(self, row: str) -> list[Segment]:
        self._start = ""
        self._feed, self._close = self._feed_row, self._close_row
        return self._feed_row(row)

    def _feed_row(self, text: str) -> list[Segment]:
        self._start += text
        if len(self._start) <= TABLE_HOLD:
            return []
        return [*self._end_table(), *self._gap(), *self._begin_text(self._start)]

    def _close_row(self) -> list[Segment]:
        self._rows.append(self._start)
        self._row_chars += len(self._start) + len("\n")
        if len(self._rows) == 2 and not is_delimiter(self._rows[1]):
            return self._end_table()
        if self._row_chars <= TABLE_HOLD:
            return []
        head = self._rows[:2]
        shown = self._end_table()
        self._rows = head if len(head) == 2 else []
        return shown

    def _end_table(self) -> list[Segment]:
        rows, self._rows, self._row_chars = self._rows, [], 0
        if not rows:
            return []
        shown = self._gap()
        if len(rows) == 1 or not is_delimiter(rows[1]):
            for row in rows:
                shown += [*self._wrapper.begin(self._width(), self._hanging(), self._hanging())]
                shown += [*self._feed_text(row), *self._close_text()]
            return shown
        for segment in table(rows, self._room(), _styled):
            shown += [*self._hanging(), segment] if not shown or shown[-1].text == "\n" else [segment]
        return shown


def _styled(text: str, base: Style) -> list[Segment]:
    inline = Inline(base)
    return [*inline.feed(text), *inline.close()]


def _nothing(text: str) -> list[Segment]:
    return []


def _as_code(text: str) -> list[Segment]:
    return [Segment(text, CODE)]


def _newline() -> list[Segment]:
    return [Segment("\n")]
