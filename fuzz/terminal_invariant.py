"""What must hold of any Markdown on a terminal of any width, and any cuts; see `fuzz.fuzz_terminal`."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise

from streamfold.terminal.markdown import Markdown
from streamfold.terminal.writer import Writer

WIDTHS = (1, 4, 20, 80, 200)
"""In cells; the input itself says which."""

_STYLE = re.compile(r"\x1b\[[\d;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a\u202b\u202d\u202e]")
_BREAK = re.compile(r"<br\s*/?>")  # a line break, where a table is


def check_markdown(text: str, width: int | None = None) -> None:
    """Check what is shown of `text`, on a terminal of `width`, which the text says itself if it is None."""
    width = width or WIDTHS[zlib.crc32(text.encode("utf-8", "surrogatepass")) % len(WIDTHS)]
    written = _written([text], width)
    for pieces in _cuttings(text):
        assert _written(pieces, width) == written, f"cut into {len(pieces)}, it looks otherwise"
    shown = _STYLE.sub("", written)
    assert not _CONTROL.search(shown), "a control character reaches the terminal"
    assert not shown or shown.endswith("\n")
    if "|" in text:  # cells stand side by side, so their characters have no order; a head may come again
        assert Counter(_words(_BREAK.sub("", text))) <= Counter(_words(shown)), "something is lost"
    else:
        assert _words(text) == _words(shown), "something is lost, or is said twice"


def _written(pieces: Sequence[str], width: int) -> str:
    """Return what the terminal gets."""
    file = StringIO()
    writer = Writer(file, colors=True)
    markdown = Markdown(lambda: width)
    for piece in pieces:
        writer.write(markdown.feed(piece))
    writer.write(markdown.close())
    writer.reset()
    return file.getvalue()


def _words(text: str) -> list[str]:
    return [char for char in text if char.isalnum()]


def _cuttings(text: str) -> list[Sequence[str]]:
    marks = {zlib.crc32(text.encode("utf-8", "surrogatepass"), n) % (len(text) + 1) for n in range(5)}
    return [text, [text[start:end] for start, end in pairwise(sorted({0, *marks, len(text)}))]]
