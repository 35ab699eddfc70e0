"""How each kind of text looks: by attributes first, so that it reads without colours, in the terminal's own 16."""

from __future__ import annotations

from functools import cache

from pygments.token import Token, _TokenType
from rich.style import Style

PLAIN = Style.null()
DIM = Style(dim=True)
STRONG = Style(bold=True)
EMPHASIS = Style(italic=True)
STRUCK = Style(strike=True)
CODE = Style(color="cyan")
LINK = Style(underline=True)
MARKER = Style(color="cyan")
TOOL = Style(color="magenta")
FAILED = Style(color="red")

HEADINGS = (
    Style(bold=True, underline=True, color="magenta"),
    Style(bold=True, color="magenta"),
    Style(bold=True, italic=True),
    Style(bold=True, italic=True, dim=True),
)
"""By level; deeper ones look like the last."""

_TOKENS = {
    Token.Comment: DIM,
    Token.Comment.Preproc: Style(color="cyan"),
    Token.Keyword: Style(color="blue", bold=True),
    Token.Keyword.Constant: Style(color="cyan"),
    Token.Operator.Word: Style(color="blue", bold=True),
    Token.Name.Builtin: Style(color="cyan"),
    Token.Name.Function: Style(color="magenta"),
    Token.Name.Class: Style(color="magenta", bold=True),
    Token.Name.Decorator: Style(color="magenta"),
    Token.Name.Tag: Style(color="blue", bold=True),
    Token.Name.Attribute: Style(color="cyan"),
    Token.Name.Variable: Style(color="cyan"),
    Token.Literal.String: Style(color="green"),
    Token.Literal.Number: Style(color="cyan"),
    Token.Generic.Deleted: Style(color="red"),
    Token.Generic.Inserted: Style(color="green"),
    Token.Generic.Heading: STRONG,
    Token.Generic.Subheading: Style(color="cyan"),
    Token.Generic.Prompt: STRONG,
}


@cache
def of_token(kind: _TokenType) -> Style:
    """Return the style of a kind of token of Pygments', or of the nearest kind above it that has one."""
    if kind in _TOKENS:
        return _TOKENS[kind]
    return PLAIN if kind.parent is None else of_token(kind.parent)
