"""Highlight code line by line, with the lexer's state carried from line to line.

A line waits for its end, since only that tells what its words are; `MAX_LINE` bounds it. Most of Pygments' lexers are
tables of states, and `ExtendedRegexLexer` runs such a table from any stack of states: so a docstring or a template
that spans lines is highlighted as one. With lexers of another kind each line stands alone. Comments between ``/*``
and ``*/``, which most tables match only as a whole, are carried here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, String, _TokenType
from pygments.util import ClassNotFound
from rich.segment import Segment

from .theme import CODE, DIM, of_token

MAX_LINE = 2_000
"""Bounds how much of a line is held, and what a line costs, in characters: a longer one is not highlighted."""

_COMMENTS: tuple[Any, ...] = (Comment, String.Doc)
_Located = tuple[int, _TokenType, str]
_Tokens = list[tuple[_TokenType, str]]


class Highlighter:
    """Highlight the lines of one block of code.

    Args:
        language: What the block says it is in; unknown ones are shown in one colour.
    """

    def __init__(self, language: str) -> None:
        self._lexer = _lexer(language)
        self._carries = getattr(type(self._lexer), "get_tokens_unprocessed", None) is RegexLexer.get_tokens_unprocessed
        self._stack = ["root"]
        self._in_comment = False

    def line(self, line: str) -> list[Segment]:
        """Return `line`, which has no newline, highlighted."""
        if self._lexer is None or len(line) > MAX_LINE:
            return [Segment(line, CODE)]
        try:
            return self._highlighted(self._lexer, line)
        except _EndlessError:
            self._lexer = None
            return [Segment(line, CODE)]

    def _highlighted(self, lexer: Lexer, line: str) -> list[Segment]:
        comment, code = self._cut_comment(line)
        shown = [Segment(comment, DIM)] if comment else []
        opened = _comment_start(lexer, code) if "/*" in code else None
        self._in_comment = self._in_comment or opened is not None
        shown += _segments(self._tokens(code[:opened]))
        return shown if opened is None else [*shown, Segment(code[opened:], DIM)]

    def _cut_comment(self, line: str) -> tuple[str, str]:
        if not self._in_comment:
            return "", line
        comment, end, code = line.partition("*/")
        self._in_comment = not end
        return comment + end, code

    def _tokens(self, line: str) -> _Tokens:
        assert self._lexer is not None
        if not self._carries:
            return _plain_tokens(self._lexer, line)
        context = LexerContext(line + "\n", 0, self._stack)
        try:
            lexer = cast("ExtendedRegexLexer", self._lexer)  # a table is all that the method needs
            found = _ended(ExtendedRegexLexer.get_tokens_unprocessed(lexer, context=context), line)
        except TypeError:  # a rule of this lexer's wants to be called without the context
            self._carries = False
            return _plain_tokens(self._lexer, line)
        self._stack = context.stack
        return [(kind, value) for _, kind, value in found]


def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


class _EndlessError(Exception):
    """A lexer goes on for ever."""


def _ended(tokens: Iterable[_Located], line: str) -> list[_Located]:
    """Return the tokens of `line`; of Pygments' lexers one (mcschema) may find empty ones without end."""
    most = 10 * len(line) + 100
    found = list(islice(tokens, most))
    if len(found) == most:
        raise _EndlessError
    return found


def _plain_tokens(lexer: Lexer, line: str) -> _Tokens:
    return [(kind, value) for _, kind, value in _ended(lexer.get_tokens_unprocessed(line + "\n"), line)]


def _comment_start(lexer: Lexer, line: str) -> int | None:
    """Return where in `line` a comment begins that does not end there: one that an added end would belong to."""
    start = None
    end = ""
    for at, kind, value in _ended(lexer.get_tokens_unprocessed(line + "\n*/"), line):
        is_comment = any(kind in one for one in _COMMENTS)
        start = (at if start is None else start) if is_comment else None
        end = value
    return start if end.endswith("*/") else None


def _segments(tokens: Iterable[tuple[_TokenType, str]]) -> list[Segment]:
    segments = [Segment(value.rstrip("\n"), of_token(kind)) for kind, value in tokens]
    return [segment for segment in segments if segment.text]
