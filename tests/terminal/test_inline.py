"""Inline Markdown, while it arrives: how it looks, that the cuts do not matter, and CommonMark's own word for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.segment import Segment

from streamfold.terminal.inline import HOLD, Inline
from streamfold.terminal.theme import PLAIN

from ..chunkings import chunkings
from .shown import marked, text_of

LONG = "a sentence that is longer than what is held of a span"


def styled(pieces: list[str]) -> list[Segment]:
    inline = Inline(PLAIN)
    return [*(one for piece in pieces for one in inline.feed(piece)), *inline.close()]


CASES = {
    "plain": "plain",
    "a **b** c": "a [bold]b[/] c",
    "a *b* c": "a [italic]b[/] c",
    "a _b_ c": "a [italic]b[/] c",
    "***both***": "[bold italic]both[/]",
    "**a *b* c**": "[bold]a [/][bold italic]b[/][bold] c[/]",
    "*a **b** c*": "[italic]a [/][bold italic]b[/][italic] c[/]",
    "~~gone~~": "[strike]gone[/]",
    "`code`": "[cyan]code[/]",
    "`` a`b ``": "[cyan]a`b[/]",
    "**`x`**": "[bold cyan]x[/]",
    "`**x**`": "[cyan]**x**[/]",
    r"\*no\*": "*no*",
    r"\(x\)": r"\(x\)",
    "[a](http://b/c_d)": "[underline]a[/][dim] (http://b/c_d)[/]",
    "[a](b(c)d) e": "[underline]a[/][dim] (b(c)d)[/] e",
    "[**a**](b)": "[bold underline]a[/][dim] (b)[/]",
    "[1] and [2]": "[1] and [2]",
    # what is no marker is not lost
    "2 * 3 * 4": "2 * 3 * 4",
    "snake_case_name": "snake_case_name",
    "__init__": "__init__",
    "*open": "*open",
    "**open": "**open",
    "`open": "`open",
    "a ~ b ~~ c": "a ~ b ~~ c",
    "**/*.py and src/**/*.js": "**/*.py and src/**/*.js",
    "5 * a**2": "5 * a**2",
    "x**2 + y**2 and 2**n": "x**2 + y**2 and 2**n",
    "2*3*4, a*b*c, 5*x+3*y": "2*3*4, a*b*c, 5*x+3*y",
    "hope**ful** *token*s": "hope[bold]ful[/] [italic]token[/]s",
    "end\\": "end\\",
    "[a] (b)": "[a] (b)",
    "[a": "[a",
    # beside text that has no spaces
    "**中文（括号）**后": "[bold]中文（括号）[/]后",
}


@pytest.mark.parametrize("source", CASES)
def test_how_it_looks_however_it_is_cut(source: str) -> None:
    for pieces in chunkings(source):
        assert marked(styled(pieces)) == CASES[source]


@pytest.mark.parametrize(("marker", "style"), [("**", "bold"), ("`", "cyan"), ("*", "italic"), ("~~", "strike")])
def test_a_span_too_long_to_wait_for_shows_its_markers(marker: str, style: str) -> None:
    source = f"{marker}{LONG}{marker} x"
    for pieces in chunkings(source):
        assert marked(styled(pieces)) == f"[dim]{marker}[/][{style}]{LONG}[/][dim]{marker}[/] x"


def test_no_more_than_the_hold_waits() -> None:
    inline = Inline(PLAIN)
    shown = text_of(inline.feed("**" + "a" * HOLD))
    assert shown == "**" + "a" * HOLD


def test_text_outside_of_spans_never_waits() -> None:
    inline = Inline(PLAIN)
    for piece in ("Hel", "lo, wor", "ld! ", "Yes"):
        assert text_of(inline.feed(piece)) == piece


WORDS = st.sampled_from(["word", "a", "longer words here", "x1", "é", "中文"])
SPANS = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"**{text}**"),
        WORDS.map(lambda text: f"`{text}`"),
        st.tuples(inner, inner).map(" ".join),
    ),
    max_leaves=4,
)


@given(st.lists(st.one_of(SPANS, WORDS.map(lambda text: f"*{text}*")).filter(lambda span: len(span) < HOLD - 1)))
def test_well_formed_text_looks_as_commonmark_says(spans: list[str]) -> None:
    source = " ".join(spans)
    assert _merged(styled([source])) == _commonmark(source)


def _merged(segments: list[Segment]) -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    for text, style, _ in segments:
        name = "".join(
            mark for mark, has in zip("bic", (style.bold, style.italic, style.color), strict=True) if style and has
        )
        if pieces and pieces[-1][1] == name:
            pieces[-1] = (pieces[-1][0] + text, name)
        else:
            pieces.append((text, name))
    return pieces


def _commonmark(source: str) -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    open_marks: list[str] = []
    for block in MarkdownIt().parseInline(source):
        for token in block.children or ():
            if token.nesting:
                open_marks = [*open_marks, token.tag] if token.nesting == 1 else open_marks[:-1]
                continue
            names = {"strong": "b", "em": "i"}
            marks = {names[tag] for tag in open_marks} | ({"c"} if token.type == "code_inline" else set())
            name = "".join(mark for mark in "bic" if mark in marks)
            if not token.content:
                continue
            if pieces and pieces[-1][1] == name:
                pieces[-1] = (pieces[-1][0] + token.content, name)
            else:
                pieces.append((token.content, name))
    return pieces
