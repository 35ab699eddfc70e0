"""Cut a stretch of a line into what it is made of: plain text, escapes, spans of code, and runs of markers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.style import Style

from .delimiters import Run, run_of
from .theme import CODE

PLAIN_TEXT = re.compile(r"[^\\`*_~\[]+")
"""What no marker is in."""

_RUN = re.compile(r"([`*_~])\1*")
_ESCAPABLE = frozenset("!\"#$%&'*+,-./:;<=>?@\\^_`{|}~")


@dataclass(slots=True)
class Piece:
    """A piece of the line that is what it is."""

    source: str
    shown: str
    style: Style | None = None


Item = Piece | Run


def pieces_of(window: str, before: str, ended: bool) -> list[Item]:
    """Cut `window` into runs and pieces, up to where more must be seen.

    Args:
        window: The beginning of what is not decided of a line.
        before: The character before it.
        ended: Whether the line ends with it.
    """
    pieces: list[Item] = []
    at = 0
    while at < len(window):
        piece = _piece(window, at, window[at - 1] if at else before, ended)
        if piece is None:
            break
        pieces.append(piece)
        at += length_of(piece)
    return pieces


def _piece(window: str, at: int, before: str, ended: bool) -> Item | None:
    if plain := PLAIN_TEXT.match(window, at):
        return Piece(plain[0], plain[0])
    if window[at] == "\\":
        return _escape(window[at : at + 2], ended)
    if window[at] == "[":
        return Piece("[", "[")  # of a link inside a span the brackets are shown
    run = _RUN.match(window, at)
    assert run is not None
    if run.end() == len(window) and not ended:
        return None
    if run[1] == "`":
        return _code(window, run, ended)
    after = window[run.end()] if run.end() < len(window) else " "
    return run_of(run[0], before, after)


def _escape(pair: str, ended: bool) -> Piece | None:
    if len(pair) < 2 and not ended:
        return None
    return Piece(pair, pair[1]) if pair[1:] in _ESCAPABLE and pair[1:] else Piece("\\", "\\")


def _code(window: str, opener: re.Match[str], ended: bool) -> Piece | None:
    """Return the code up to a run of as many backticks; the marker itself at the end of a line."""
    for closer in _RUN.finditer(window, opener.end()):
        if closer[1] == "`" and len(closer[0]) == len(opener[0]) and (closer.end() < len(window) or ended):
            code = window[opener.end() : closer.start()]
            source = window[opener.start() : closer.end()]
            padded = code[0] == code[-1] == " " and code.strip()
            return Piece(source, code[1:-1] if padded else code, CODE)
    return Piece(opener[0], opener[0]) if ended else None


def marker_length(held: str) -> int:
    """Return the length of the run of markers that `held` begins with; 1 if it begins with none."""
    run = _RUN.match(held)
    return run.end() if run else 1


def length_of(item: Item) -> int:
    """Return how many characters of the line it was."""
    return item.n if isinstance(item, Run) else len(item.source)
