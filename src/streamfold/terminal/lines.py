"""Tell what a line of Markdown is by as little of its beginning as possible, so that its text can be shown at once.

CommonMark 0.31.2 and GitHub's tables, with what a stream that is printed once cannot have left out: a heading that is
underlined by the next line, and a table whose rows do not start with a bar, are shown as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["blank", "text", "heading", "item", "rule", "fence", "row"]

MAX_INFO = 100  # characters after a fence that are waited for: no language has a longer name
MAX_START = 300
"""Bounds how much of a line is waited for to tell what it is, in characters; if that does not tell, it is text."""

_BLANK = re.compile(r"\s*")
_HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_RULE = re.compile(r"([-*_])(?:[ \t]*\1){2,}[ \t]*")
_MAY_BE_RULE = re.compile(r"([-*_])(?:[ \t]*\1)*[ \t]*")
_ITEM = re.compile(r"([-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_MAY_BE_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)]?)[ \t]*")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^`\n]*)")
_MAY_BE_FENCE = re.compile(r"`{1,2}|~{1,2}")


@dataclass(slots=True)
class Line:
    """What a line is.

    Attributes:
        kind: What kind of line.
        marker: The number signs, the bullet or number, the fence; else empty.
        rest: Where its text starts, in characters.
        info: What stands behind a fence.
    """

    kind: Kind
    marker: str = ""
    rest: int = 0
    info: str = ""


def line_of(start: str, ended: bool) -> Line | None:
    """Return what the line is that begins with `start`, without its indentation; None if more of it must be seen.

    Args:
        start: Its first characters, none of which is a newline.
        ended: Whether that is the whole line.
    """
    if _BLANK.fullmatch(start):
        return Line("blank") if ended else None
    first = start[0]
    if first == "#":
        return _heading(start, ended)
    if first in "`~":
        return _fence(start, ended)
    if first == "|":
        return Line("row") if ended or len(start) > 1 else None
    if first in "-*+_" or first.isdigit():
        return _item_or_rule(start, ended)
    return Line("text")


def _heading(start: str, ended: bool) -> Line | None:
    if not ended and len(start) <= 6 and not start.strip("#"):
        return None
    found = _HEADING.match(start)
    if found is None:
        return Line("text")
    return Line("heading", found[1], found.end()) if ended or found.end() < len(start) else None


def _fence(start: str, ended: bool) -> Line | None:
    found = _FENCE.fullmatch(start)
    if found and len(found[2]) <= MAX_INFO:
        return Line("fence", found[1], len(start), found[2].strip()) if ended else None
    return None if not ended and _MAY_BE_FENCE.fullmatch(start) else Line("text")


def _item_or_rule(start: str, ended: bool) -> Line | None:
    if _MAY_BE_RULE.fullmatch(start) and not ended:
        return None
    if ended and _RULE.fullmatch(start):
        return Line("rule")
    found = _ITEM.match(start)
    if found and (ended or found.end() < len(start)):
        return Line("item", found[1], found.end())
    return None if not ended and _MAY_BE_ITEM.fullmatch(start) else Line("text")
