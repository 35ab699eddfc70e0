"""Show what two recordings differ in, in a terminal, to which what they say can do nothing: `controls`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..terminal.controls import neutralised
from .difference import Difference, Piece, Row, shortened

_MARKS = {" ": ("", "", ""), "-": ("[-", "-]", "red"), "+": ("{+", "+}", "green")}
"""What stands around a piece, as in a diff by words of git's, and its style."""


def show(difference: Difference, first: str, second: str) -> None:
    """Print the difference between the recordings called `first` and `second`."""
    console = Console(highlight=False)
    said = [row for row in difference.facts if row.differs]
    words = "they say the same" if difference.is_same else "they differ"
    console.print(Text.assemble((words, "bold green" if difference.is_same else "bold red")))
    for name, pieces in difference.texts.items():
        if len(pieces) == 1 and pieces[0].sign == " ":
            console.print(Text(f"{name}: the same {len(pieces[0].text):,} characters", "dim"))
            continue
        console.print(Text(f"\n{name}:", "bold"))
        console.print(Text.assemble(*[_styled(piece) for piece in shortened(pieces)]))
    console.print()
    console.print(_table([*said, *difference.around], first, second))


def _styled(piece: Piece) -> tuple[str, str]:
    before, after, style = _MARKS[piece.sign]
    return f"{before}{neutralised(piece.text)}{after}", style


def _table(rows: list[Row], first: str, second: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column(Text(first), overflow="fold")
    table.add_column(Text(second), overflow="fold")
    for row in rows:
        style = "bold" if row.differs else "dim"
        said = [Text(neutralised(words), style) for words in (row.first, row.second)]
        table.add_row(Text(row.name, "dim"), *said)
    return table
