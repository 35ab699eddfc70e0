"""Tell which runs of asterisks, underscores and tildes open a span, which close one, and which belong together.

The rules are CommonMark's (0.31.2, 6.2). One is relaxed: beside Chinese, Japanese or Korean text, which has no spaces,
punctuation counts as if a space stood there. Three are tightened: a run before a slash or a dot opens nothing, since it
is a pattern of file names (``**/*.py``); nor does one between what is multiplied (``2*3*4``, ``x**2 + y**2``); and two
underscores are no marker, since models make text strong with asterisks, and write ``__init__``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.style import Style

from .theme import EMPHASIS, STRONG, STRUCK

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


@dataclass(slots=True)
class Run:
    """A run of asterisks, underscores or tildes; `left` of them have no partner yet."""

    char: str
    n: int
    opens: bool
    closes: bool
    left: int
    opened: list[Style] = field(default_factory=list)
    closed: list[Style] = field(default_factory=list)


def run_of(marker: str, before: str, after: str) -> Run:
    """Tell whether a run may open or close a span (CommonMark 0.31.2, 6.2: left- and right-flanking)."""
    char = marker[0]
    left = not after.isspace() and (not _is_punctuation(after) or _is_apart(before))
    right = not before.isspace() and (not _is_punctuation(before) or _is_apart(after))
    opens, closes = left and after not in "/.", right
    if char == "_":
        opens = left and (not right or _is_punctuation(before))
        closes = right and (not left or _is_punctuation(after))
    if char == "*" and _is_product(len(marker), before, after):
        opens = False
    if (char == "~" and len(marker) != 2) or (char == "_" and len(marker) != 1):
        opens = closes = False
    return Run(char, len(marker), opens, closes, len(marker))


def _is_product(n: int, before: str, after: str) -> bool:
    """Tell whether `n` asterisks are more likely a product or a power; two between letters are a part of a word."""
    if not (before.isascii() and before.isalnum() and after.isalnum()):
        return False
    return n == 1 or before.isdigit() or after.isdigit()


def starts_word(char: str) -> bool:
    """Tell whether text that begins so can be what an opening run is before."""
    return char.isalnum() or char in "\"'([`“‘«*_"


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _is_apart(char: str) -> bool:
    return char.isspace() or _is_punctuation(char) or _CJK.match(char) is not None


def paired(items: Sequence[object]) -> int | None:
    """Pair runs until the first one has found its partners; return the place of the last of them."""
    openers: list[Run] = []
    for place, run in enumerate(items):
        if not isinstance(run, Run):
            continue
        while run.closes and run.left and (opener := _opener(run, openers)) is not None:
            used = 2 if run.left >= 2 and opener.left >= 2 else 1
            style = styles_of(run.char, used)[0]
            opener.left -= used
            run.left -= used
            opener.opened.append(style)
            run.closed.append(style)
            del openers[openers.index(opener) + 1 :]
            if not opener.left:
                openers.pop()
        if not openers and place:
            return place
        if run.opens and run.left:
            openers.append(run)
    return None


def _opener(closer: Run, openers: list[Run]) -> Run | None:
    for run in reversed(openers):
        # "the sum of the lengths must not be a multiple of 3": **a*b** is no emphasis in the middle
        odd = (run.closes or closer.opens) and (run.n + closer.n) % 3 == 0 and (run.n % 3 or closer.n % 3)
        if run.char == closer.char and not odd:
            return run
    return None


def styles_of(char: str, n: int) -> list[Style]:
    """Return what a run of `n` of the character makes of the text."""
    if char == "~":
        return [STRUCK]
    return [STRONG, EMPHASIS] if n >= 3 else [STRONG] if n == 2 else [EMPHASIS]
