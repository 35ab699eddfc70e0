"""Style the inline Markdown of one line while it arrives: emphasis, strong, strikethrough, code, links.

A marker can be told from a plain asterisk only by its closer, and what is printed cannot be taken back. So text waits
from an opening marker on, but never more than `HOLD` characters of it:

- the closer is among them, as nearly always: the markers disappear, the text between them is styled;
- the line ends first: it was no marker, and is shown as it is;
- neither: the marker itself is shown, dimmed, and its closer will be. So nothing is lost where it was no marker. One
  that stands before something else than a word (``**/*.py``) is shown as it is, and opens nothing.

Which run of asterisks may open and which may close is said in `delimiters`. A link shows its address, since a reader
should see where it leads. Of backslash escapes those of brackets stay as they are: they are LaTeX more often. Spans
end with their line.

Every decision rests on the characters from the marker on, `HOLD` of them at most: however the text is cut, it is the
same, and the cost is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style

from .delimiters import Run, paired, starts_word, styles_of
from .pieces import PLAIN_TEXT, Item, Piece, length_of, marker_length, pieces_of
from .theme import CODE, DIM, LINK

HOLD = 48
"""Bounds how long text waits for the end of a span, in characters."""

BITE = 500
"""Bounds how much is looked at in one go, in characters: each step copies what is left of it."""

MAX_OPEN = 4
"""Bounds how many spans can be open past their hold: more are no text that anybody wrote, and each costs."""


class Inline:
    """Style one line, from `feed` to `close`; then it is ready for the next.

    Attributes:
        base: The style that all of the line has, such as a heading's.
    """

    def __init__(self, base: Style) -> None:
        self.base = base
        self._held = ""
        self._before = " "
        self._open: list[tuple[str, int]] = []  # the spans whose closer was too far to wait for
        self._code = 0  # backticks of such a span of code
        self._address = 0  # open parentheses of a link's address

    def feed(self, text: str) -> list[Segment]:
        """Take the next piece of the line in; return what is decided of it."""
        shown: list[Segment] = []
        for at in range(0, len(text), BITE):
            self._held += text[at : at + BITE]
            shown += self._decided(at_end=False)
        return shown

    def close(self) -> list[Segment]:
        """End the line; return what was held."""
        shown = self._decided(at_end=True)
        self._before, self._open, self._code, self._address = " ", [], 0, 0
        return shown

    def _decided(self, *, at_end: bool) -> list[Segment]:
        shown: list[Segment] = []
        while self._held:
            step = self._step(at_end)
            if step is None:
                break
            n, segments = step
            self._before = self._held[n - 1]
            self._held = self._held[n:]
            shown += segments
        return shown

    def _step(self, at_end: bool) -> tuple[int, list[Segment]] | None:
        """Return how many characters are decided and what they show, or None if more must be seen."""
        held = self._held
        if self._code:
            return self._long_code(at_end)
        if self._address:
            return self._in_address()
        if plain := PLAIN_TEXT.match(held):
            return plain.end(), [Segment(plain[0], self._style())]
        window = held[:HOLD]
        ended = at_end and len(held) <= HOLD
        if held[0] == "[":
            return self._link(window, whole=ended or len(held) >= HOLD)
        items = pieces_of(window, self._before, ended)
        if items and isinstance(items[0], Piece):
            return len(items[0].source), self._render(items[:1])
        if items and (group := self._group(items)) is not None:
            return group
        if ended:
            return self._literal(items)
        return self._too_long(items) if len(held) >= HOLD else None

    def _style(self, extra: Iterable[Style] = ()) -> Style:
        style = self.base
        for char, n in self._open:
            for one in styles_of(char, n):
                style += one
        for one in extra:
            style += one
        return style

    def _group(self, items: list[Item]) -> tuple[int, list[Segment]] | None:
        """Return the first run with all that its closer encloses, if it is decided."""
        run = items[0]
        assert isinstance(run, Run)
        if run.closes and (n := self._close_long(run)):
            return n, [Segment(run.char * n, self._style([DIM]))]
        if not run.opens:
            return run.n, [Segment(run.char * run.n, self._style())]
        end = paired(items)
        if end is None:
            return None
        closer = items[end]
        assert isinstance(closer, Run)
        n = sum(length_of(item) for item in items[:end]) + closer.n - closer.left
        closer.left = 0  # what is left of it comes again, at the start of the next step
        return n, self._render(items[: end + 1])

    def _close_long(self, run: Run) -> int:
        """Close the last span of that kind that is open past its hold; return the length of its marker, or 0."""
        for place in reversed(range(len(self._open))):
            char, n = self._open[place]
            if char == run.char and n <= run.n:
                del self._open[place:]
                return n
        return 0

    def _render(self, items: Iterable[Item]) -> list[Segment]:
        shown: list[Segment] = []
        inside: list[Style] = []
        for item in items:
            if isinstance(item, Piece):
                shown.append(Segment(item.shown, self._style([*inside, *([item.style] if item.style else [])])))
                continue
            for style in item.closed:
                inside.remove(style)
            if item.left:
                shown.append(Segment(item.char * item.left, self._style(inside)))
            inside += item.opened
        return shown

    def _literal(self, items: list[Item]) -> tuple[int, list[Segment]]:
        """Show the marker at the end of a line, where no closer can come any more."""
        run = items[0] if items else None
        n = run.left if isinstance(run, Run) else marker_length(self._held)
        return n, [Segment(self._held[:n], self._style())]

    def _too_long(self, items: list[Item]) -> tuple[int, list[Segment]]:
        """Show the marker, dimmed, since its closer is too far away to wait for."""
        run = items[0] if items else None
        if isinstance(run, Run):
            if len(self._open) == MAX_OPEN or not starts_word(self._held[run.n]):
                return run.left, [Segment(run.char * run.left, self._style())]
            shown = [Segment(run.char * run.left, self._style([DIM]))]
            self._open.append((run.char, run.left))
            return run.left, shown
        n = marker_length(self._held)
        if self._held[0] == "`":
            self._code = n
            return n, [Segment("`" * n, self._style([DIM]))]
        return n, [Segment(self._held[:n], self._style())]

    def _long_code(self, at_end: bool) -> tuple[int, list[Segment]] | None:
        held = self._held
        if held[0] != "`":
            n = held.find("`")
            n = len(held) if n < 0 else n
            return n, [Segment(held[:n], self._style([CODE]))]
        n = marker_length(held)
        if n == len(held) and not at_end and n < HOLD:
            return None
        closes = n == self._code
        self._code = 0 if closes else self._code
        return n, [Segment(held[:n], self._style([DIM if closes else CODE]))]

    def _link(self, window: str, *, whole: bool) -> tuple[int, list[Segment]] | None:
        end = _label_end(window)
        if end is None and not whole:
            return None
        if end is None or window[end : end + 2] != "](":
            return 1, [Segment("[", self._style())]
        inner = Inline(self._style([LINK]))
        self._address = 1
        return end + 2, [*inner.feed(window[1:end]), *inner.close(), Segment(" (", self._style([DIM]))]

    def _in_address(self) -> tuple[int, list[Segment]]:
        """Show a link's address as it comes, up to the parenthesis that ends it."""
        found = re.search(r"[()]", self._held)
        if found is None:
            return len(self._held), [Segment(self._held, self._style([DIM]))]
        self._address += 1 if found[0] == "(" else -1
        return found.end(), [Segment(self._held[: found.end()], self._style([DIM]))]


def _label_end(window: str) -> int | None:
    """Return where the bracket that `window` starts with is closed; None if what follows it must be seen yet."""
    depth = 0
    for found in re.finditer(r"\\.|[\[\]]", window):
        depth += {"[": 1, "]": -1}.get(found[0], 0)
        if not depth:
            return found.start() if found.end() < len(window) else None
    return None
