"""Markdown on a terminal, while it arrives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.terminal.highlighting import MAX_LINE
from streamfold.terminal.inline import HOLD
from streamfold.terminal.markdown import TABLE_HOLD, Markdown
from streamfold.terminal.wrapping import REACH

from ..chunkings import chunkings, splits
from .shown import bytes_of, laid_out, text_of

CASES = {
    "heading": ("# One\nText\n### Three `c`\n", "One\nText\nThree c\n"),
    "not a heading": ("#hash\n####### seven\n", "#hash\n####### seven\n"),
    "line breaks stay": ("one\ntwo\n\n\n\nthree\n\n", "one\ntwo\n\nthree\n"),
    "bullets": ("- a\n- b\n  - c\n    - d\n- e\n", "• a\n• b\n  ◦ c\n    ▪ d\n• e\n"),
    "numbers": ("1. a\n2. b\n   more\n10) c\n", "1. a\n2. b\n   more\n10) c\n"),
    "a list in a list": ("1. a\n   - b\n2. c\n", "1. a\n   ◦ b\n2. c\n"),
    "an item goes on": ("- a\nlazy\n\n  still\n\nout\n", "• a\n  lazy\n\n  still\n\nout\n"),
    "empty items": ("-\n- \n1.\n", "• \n• \n1. \n"),
    "items in an item": ("- 1. a\n     b\n  2. c\n", "• 1. a\n     b\n  2. c\n"),
    "a heading in an item": ("- # a\n", "• a\n"),
    "no item": ("-a\n1.5 x\n-- x\n", "-a\n1.5 x\n-- x\n"),
    "strong at a line's start": ("**a** b\n*c* d\n", "a b\nc d\n"),
    "rule": ("a\n\n***\n- - -\n", "a\n\n" + "─" * 20 + "\n" + "─" * 20 + "\n"),
    "quote": ("> a\n> b\n>\n> c\n>> d\nout\n", "│ a\n│ b\n\n│ c\n│ │ d\nout\n"),
    "code": ("```py\nx = 1\n\n\n  y\n```\nz\n", "```py\nx = 1\n\n\n  y\n```\nz\n"),
    "code in an item": ("1. a\n   ```\n   b\n     c\n   ```\n", "1. a\n   ```\n   b\n     c\n   ```\n"),
    "code in a quote": ("> ```\n> b\n> ```\n", "│ ```\n│ b\n│ ```\n"),
    "markers in code": ("~~~\n**a** `b`\n```\n~~~\n", "~~~\n**a** `b`\n```\n~~~\n"),
    "code without an end": ("```\na", "```\na\n"),
    "code in one line": ("```a``` b\n", "a b\n"),
    "table": (
        "| a | b |\n|---|--:|\n| 1 | 22 |\n| long | 3 |\nend\n",
        "a       b\n─────────\n1      22\nlong    3\nend\n",
    ),
    "no table": ("| a | b |\ntext\n| c |\n", "| a | b |\ntext\n| c |\n"),
    "a table at the end": ("| a |\n|---|\n| b |", "a\n─\nb\n"),
    "bars in cells": ("| a |\n|---|\n| b \\| `c|d` |\n", "a\n───────\nb | c|d\n"),
    "wrapped": ("a word or two and some more\n", "a word or two and\nsome more\n"),
    "wrapped in an item": ("- a word or two and some more\n", "• a word or two and\n  some more\n"),
    "a word too long": ("x" * 45 + " y\n", "x" * 20 + "\n" + "x" * 20 + "\nxxxxx y\n"),
    "wide": ("あ日本語のテキストは、折り返し。\n", "あ日本語のテキスト\nは、折り返し。\n"),
    "emoji stay whole": ("aaaaaaaaaaaaaaaaaa 👩‍🚀 👩‍🚀\n", "aaaaaaaaaaaaaaaaaa\n👩‍🚀 👩‍🚀\n"),
    "escape sequences": ("a\x1b[31mb\x9b1mc\r\n\x07\n", "a␛[31mb\ufffd1mc\n␇\n"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_it_shows_however_it_is_cut(name: str) -> None:
    source, shown = CASES[name]
    for pieces in chunkings(source):
        assert _bare(text_of(laid_out(pieces, 20))) == shown


def _bare(text: str) -> str:
    return re.sub(r" +\n", "\n", text) if "• \n" not in text else text


TOKENS = st.sampled_from(
    [
        *["*", "**", "_", "`", "``", "```", "~~", "[", "](", ")", "\\", "\n", "\n\n", " ", "    ", "a", "word", "a_b"],
        *["# ", "- ", "1. ", "> ", "|", "| a | b |\n", "|---|---|\n", "中", "。", "👩‍🚀", "❤️", "e\u0301", "\t", "---"],
        *["```python\n", "/*", "*/", '"""', "\r\n", "\x1b[1m", "x" * 50, "中" * 30],
    ]
)
TEXTS = st.lists(TOKENS, max_size=60).map("".join)


@given(TEXTS, st.data(), st.sampled_from([4, 10, 20, 80]))
def test_the_terminal_gets_the_same_however_it_is_cut(source: str, data: st.DataObject, width: int) -> None:
    pieces = data.draw(splits(source))
    assert bytes_of(laid_out(pieces, width)) == bytes_of(laid_out([source], width))


@given(TEXTS.filter(lambda text: "|" not in text))
def test_no_word_is_lost(source: str) -> None:
    shown = text_of(laid_out([source], 20))
    assert [char for char in shown if char.isalpha()] == [char for char in source if char.isalpha()]


@given(TEXTS)
def test_no_control_character_reaches_the_terminal(source: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text_of(laid_out([source])).replace("\t", ""))


def test_words_are_shown_as_they_come() -> None:
    markdown = Markdown(lambda: 80)
    for piece in ("# A", " title", "\n", "Some", " wor", "ds", ", and **"):
        shown = text_of(markdown.feed(piece))
        assert shown.strip(" ") == {"# A": "A"}.get(piece, piece.removesuffix("**")).strip(" ")


@pytest.mark.parametrize(
    ("source", "most"),
    [
        ("a " * 26 + "wordsthatarelong" * 9, REACH),
        ("**" + "a" * 200, HOLD),
        ("`" + "a" * 200, HOLD),
        ("[" + "a" * 200, HOLD),
        ("```\n" + "a" * 3 * MAX_LINE, MAX_LINE),
        ("|a|\n|-|\n" + "|a|\n" * TABLE_HOLD, TABLE_HOLD),
        ("|" + "a" * 2 * TABLE_HOLD, TABLE_HOLD),
        (">" * 1_000 + "a" * 100, 400),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_waits_is_bounded(source: str, most: int) -> None:
    markdown = Markdown(lambda: 60)
    behind = 0
    for char in source:
        behind = 0 if markdown.feed(char) else behind + 1
        assert behind <= most + len("|a|\n")


def test_the_width_is_asked_anew_for_every_line() -> None:
    width = 20
    markdown = Markdown(lambda: width)
    line = "four words are here, and more\n"
    before = text_of(markdown.feed(line))
    width = 40
    assert before == "four words are here,\nand more\n"
    assert text_of(markdown.feed(line)) == line
