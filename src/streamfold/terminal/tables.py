"""Lay out a table whose rows are all there: a column is as wide as its widest cell, as far as the terminal allows."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich import box
from rich.console import Console, JustifyMethod
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from .theme import DIM, STRONG

Cells = list[str]
Styled = Callable[[str, Style], list[Segment]]

NARROWEST = 4
"""Cells of the terminal that a column keeps, if what is in it is so wide: a narrower one could not be read."""

BETWEEN = 3  # cells between two columns, of Rich's making

_DELIMITER = re.compile(r"\|(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*")
_CELL = re.compile(r"((?:\\.|`[^`]*`|[^|\\])*)\|?")
_BREAK = re.compile(r"<br\s*/?>")


def is_delimiter(line: str) -> bool:
    """Tell whether `line` is the row of dashes under a table's head (GFM 4.10)."""
    return _DELIMITER.fullmatch(line.strip()) is not None


def cells_of(row: str) -> Cells:
    r"""Cut a row, which starts with a bar, into its cells; ``\|`` is a bar in a cell, and so is one in code."""
    inner = row.strip()[1:]
    return [match[1].replace("\\|", "|").strip() for match in _CELL.finditer(inner) if match[0]]


def table(rows: list[str], width: int, styled: Styled) -> list[Segment] | None:
    """Return the table laid out for a terminal `width` cells wide; None if that is too narrow for its columns.

    Args:
        rows: The lines, as they came; the second is the one of dashes.
        width: In cells.
        styled: Gives a cell's text its inline styles.
    """
    head, dashes = cells_of(rows[0]), cells_of(rows[1])
    heads = [_text(cell, STRONG, styled) for cell in head]
    body = [[_text(cell, Style.null(), styled) for cell in _fitted(cells_of(row), len(head))] for row in rows[2:]]
    if not heads or _narrowest([heads, *body]) > width:
        return None
    laid_out = Table(box=box.SIMPLE_HEAD, border_style=DIM, header_style=STRONG, show_edge=False, pad_edge=False)
    for place, cell in enumerate(heads):
        laid_out.add_column(cell, justify=_justify(dashes[place : place + 1]), overflow="fold")
    for row in body:
        laid_out.add_row(*row)
    return _rendered(laid_out, width)


def _fitted(cells: Cells, n: int) -> Cells:
    """Return `n` cells; those beyond, which GFM would leave out, stand in the last one."""
    padded = [*cells, *[""] * (n - len(cells))]
    return [*padded[: n - 1], " | ".join(padded[n - 1 :])]


def _narrowest(rows: list[list[Text]]) -> int:
    """Return how many cells of the terminal the table takes at least: Rich drops what it finds no place for."""
    widths: list[int] = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    return sum(min(width, NARROWEST) for width in widths) + BETWEEN * (len(widths) - 1)


def _justify(dashes: Cells) -> JustifyMethod:
    left, right = (dashes[0].startswith(":"), dashes[0].endswith(":")) if dashes else (False, False)
    return "center" if left and right else "right" if right else "left"


def _text(cell: str, base: Style, styled: Styled) -> Text:
    text = Text()
    for piece, style, _ in styled(_BREAK.sub("\n", cell), base):
        text.append(piece, style)
    return text


def _rendered(laid_out: Table, width: int) -> list[Segment]:
    console = Console(width=width, height=1, color_system=None, legacy_windows=False, force_terminal=False)
    shown: list[Segment] = []
    for line in console.render_lines(laid_out, pad=False):
        shown += [*_stripped(line), Segment("\n")]
    return shown


def _stripped(line: list[Segment]) -> list[Segment]:
    """Drop the blanks at the end of a line, which Rich fills its cells with."""
    while line and not line[-1].text.rstrip():
        line = line[:-1]
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)] if line else []
