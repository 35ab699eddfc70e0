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

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from .containers import Containers
from .controls import neutralised
from .highlighting import MAX_LINE, Highlighter
from .inline import Inline
from .lines import MAX_START, Line, line_of
from .tables import is_delimiter, table
from .theme import CODE, DIM, HEADINGS, PLAIN
from .wrapping import Wrapper

TABLE_HOLD = 20_000
"""Bounds how much of a table is held, in characters."""

INDENTED = 4  # columns from which on text is code (CommonMark 4.4)


@dataclass(slots=True)
class _Fence:
    marker: str
    column: int
    highlighter: Highlighter

    def is_closed_by(self, line: str) -> bool:
        return len(line) >= len(self.marker) and not line.strip(self.marker[0])


class Markdown:
    """Lay out one text, from `feed` to `close`.

    Args:
        width: Gives the terminal's width in cells; it is asked anew for every line of the terminal's.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._start = ""  # of the line, while that must be seen
        self._feed: Callable[[str], list[Segment]] = self._feed_start  # takes text of the line
        self._close: Callable[[], list[Segment]] = self._close_start  # ends the line
        self._inline = Inline(PLAIN)
        self._wrapper = Wrapper(width)
        self._within = Containers()
        self._fence: _Fence | None = None
        self._rows: list[str] = []
        self._head: list[str] = []  # of a table of which some rows have been shown
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
            quotes, column, body = self._within.dissected(self._start)
            line = line_of(body[:MAX_START], ended and len(self._start) <= MAX_START)
            if line is None and len(self._start) <= MAX_START:
                return shown
            line = line or Line("text")
            if line.kind == "item" and self._within.has_room:
                shown += [*self._end_table(), *self._gap()]
                self._within.begin_item(line, column, quotes)
                self._start = body[line.rest :]
                continue
            return shown + self._begin(line, body, column, quotes)

    def _begin(self, line: Line, body: str, column: int, quotes: int) -> list[Segment]:
        """Begin a line that is no item, or is the text of one."""
        shown = [] if line.kind == "row" and quotes == self._within.quotes else self._end_table()
        if line.kind == "blank" and not self._within.is_at_marker:
            self._blank, self._in_text = True, False
            return shown
        goes_on = line.kind == "text" and self._in_text and quotes == self._within.quotes
        if not (self._within.is_at_marker or goes_on):
            self._within.enter(column, quotes)
        is_code = line.kind in ("text", "heading") and column >= INDENTED and not (goes_on or self._within.is_in_list)
        self._in_text = line.kind == "text" and not is_code
        if is_code:
            return [*shown, *self._gap(), *self._begin_indented(body, column)]
        if line.kind == "row" and not self._within.is_at_marker:
            return shown + self._begin_row(body)
        shown += self._gap()
        match line.kind:
            case "rule":
                self._feed, self._close = _nothing, list
                return [*shown, *self._within.first(), Segment("─" * self._room(), DIM), Segment("\n")]
            case "fence":
                self._feed, self._close = _nothing, list
                self._fence = _Fence(line.marker, column, Highlighter(line.info.split(" ")[0]))
                return [*shown, *self._within.first(), Segment(line.marker + line.info, DIM), Segment("\n")]
            case "heading":
                style = HEADINGS[min(len(line.marker), len(HEADINGS)) - 1]
                return shown + self._begin_text(body[line.rest :], style)
        return shown + self._begin_text(body)

    # -- What stands before the text -----------------------------------------------------------------------------------

    def _gap(self) -> list[Segment]:
        """Return the blank line that is due."""
        due, self._blank = self._blank and self._began, False
        self._began = True
        return [Segment("\n")] if due else []

    def _room(self) -> int:
        return max(self._width() - sum(len(segment.text) for segment in self._within.hanging()), 1)

    # -- Text ----------------------------------------------------------------------------------------------------------

    def _begin_text(self, text: str, style: Style = PLAIN) -> list[Segment]:
        self._inline.base = style
        self._feed, self._close = self._feed_text, self._close_text
        hanging = self._within.hanging()
        return [*self._wrapper.begin(self._within.first(), hanging), *self._feed_text(text)]

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
        return [*self._within.hanging(), Segment(self._start, CODE)]

    def _close_code(self) -> list[Segment]:
        assert self._fence is not None
        line = self._within.unquoted(self._start)
        if line is None:  # the quote has ended, and the code in it
            self._fence = None
            self._close = self._close_start
            return self._close_start()
        if self._fence.is_closed_by(line.strip()):
            marker, self._fence = self._fence.marker, None
            return [*self._within.hanging(), Segment(marker, DIM), Segment("\n")]
        indentation = line[: self._fence.column]
        line = indentation.lstrip(" ") + line[self._fence.column :]
        return [*(self._within.hanging() if line else []), *self._fence.highlighter.line(line), Segment("\n")]

    def _begin_indented(self, text: str, column: int) -> list[Segment]:
        """Begin a line of code that no fence is around: its indentation stays."""
        self._feed, self._close = self._feed_indented, self._wrapper.close
        before = [*self._within.hanging(), Segment(" " * min(column, self._room() // 2))]
        return [*self._wrapper.begin(before, before), *self._feed_indented(text)]

    def _feed_indented(self, text: str) -> list[Segment]:
        return self._wrapper.feed(text, CODE)

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
        self._head, self._rows = head, [*head]
        return shown

    def _end_table(self) -> list[Segment]:
        rows, self._rows, self._row_chars = self._rows, [], 0
        head, self._head = self._head, []
        if rows == head:
            return []
        shown = self._gap()
        is_table = len(rows) > 1 and is_delimiter(rows[1])
        laid_out = table(rows, self._room(), _styled) if is_table else None
        if laid_out is None:
            for row in rows:
                shown += [*self._wrapper.begin(self._within.hanging(), self._within.hanging())]
                shown += [*self._feed_text(row), *self._close_text()]
            return shown
        for segment in laid_out:
            shown += [*self._within.hanging(), segment] if not shown or shown[-1].text == "\n" else [segment]
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
