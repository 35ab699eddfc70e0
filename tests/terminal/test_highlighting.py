"""Code, highlighted line by line as if it were there at once."""

from __future__ import annotations

import pytest
from rich.segment import Segment

from streamfold.terminal.highlighting import MAX_LINE, Highlighter
from streamfold.terminal.theme import CODE, DIM

from .shown import text_of


def style_of(line: list[Segment], word: str) -> str:
    (found,) = {str(segment.style) for segment in line if word in segment.text}
    return found


def test_a_string_over_several_lines_stays_a_string() -> None:
    highlighter = Highlighter("python")
    lines = [
        highlighter.line(line)
        for line in ("def f():", '    """Doc', "    def not_code():", '    """', "    def g(): pass")
    ]
    assert "green" in style_of(lines[2], "def")
    assert "blue" in style_of(lines[4], "def")


@pytest.mark.parametrize("language", ["javascript", "c", "rust", "css", "go", "java", "sql", "typescript"])
def test_a_comment_over_several_lines_stays_a_comment(language: str) -> None:
    highlighter = Highlighter(language)
    first, second, third = (highlighter.line(line) for line in ("/* one", " int 12", " two */ 34"))
    assert (style_of(first, "one"), style_of(second, "int"), style_of(third, "two")) == ("dim", "dim", "dim")
    assert style_of(third, "34") != "dim"


def test_what_looks_like_a_comment_in_a_string_is_none() -> None:
    highlighter = Highlighter("javascript")
    highlighter.line('x = "/* no"')
    assert style_of(highlighter.line("let y"), "let") != "dim"


@pytest.mark.parametrize("language", ["python", "javascript", "json", "yaml", "html", "ruby", "php", "nonsense", ""])
def test_nothing_is_lost(language: str) -> None:
    highlighter = Highlighter(language)
    for line in ("x = {'a': [1, 2]}", "", "  <b>y</b> # z /* w", "'''", "中 👩‍🚀"):
        assert text_of(highlighter.line(line)) == line


def test_an_unknown_language_and_a_long_line_have_one_colour() -> None:
    assert Highlighter("nonsense").line("def x") == [Segment("def x", CODE)]
    long = "x" * (MAX_LINE + 1)
    assert Highlighter("python").line(long) == [Segment(long, CODE)]
    assert Highlighter("c").line("/* x */ // y")[0].style == DIM


def test_a_lexer_that_never_ends_is_left() -> None:
    highlighter = Highlighter("mcschema")  # which finds empty tokens without end in this
    lines = ['<!--R"(`<<EOF { def f():', "second"]
    assert [text_of(highlighter.line(line)) for line in lines] == lines
