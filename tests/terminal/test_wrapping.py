"""Breaking lines between words, while the words arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from wcwidth import wcswidth

from streamfold.terminal.wrapping import CLOSING, Wrapper

from ..chunkings import splits
from .shown import text_of

WIDTH = 24
WORDS = st.sampled_from(
    ["a", "word", "x" * 40, "é", "中文字", "。", "「は」", "👩‍🚀", "👍🏽", "❤️", "🇩🇪", "ก็", "עברית", " ", " ", " "]
)


def wrapped(pieces: list[str], width: int = WIDTH) -> str:
    wrapper = Wrapper(lambda: width)
    shown = wrapper.begin([Segment("- ")], [Segment("  ")])
    for piece in pieces:
        shown += wrapper.feed(piece)
    return text_of([*shown, *wrapper.close()])


@given(st.lists(WORDS, max_size=30).map("".join), st.data())
def test_the_same_however_it_is_cut(text: str, data: st.DataObject) -> None:
    assert wrapped(data.draw(splits(text))) == wrapped([text])


@given(st.lists(WORDS, max_size=30).map("".join))
def test_no_line_is_too_long_and_all_hang(text: str) -> None:
    first, *others = wrapped([text]).removesuffix("\n").split("\n")
    assert wcswidth(first) <= WIDTH
    for line in others:
        assert wcswidth(line) <= WIDTH
        assert line.startswith("  ")


@given(st.lists(st.sampled_from(["中", "文文", "字、", "字。", "「は」"]), max_size=60).map("".join), st.data())
def test_no_line_starts_with_a_closing_mark(text: str, data: st.DataObject) -> None:
    for line in wrapped(data.draw(splits(text))).split("\n"):
        assert line[2:3] not in CLOSING or not line


def test_a_word_that_surely_fits_is_shown_letter_by_letter() -> None:
    wrapper = Wrapper(lambda: 80)
    wrapper.begin([], [])
    assert [text_of(wrapper.feed(char)) for char in "word"] == list("word")


def test_a_word_near_the_edge_waits_and_goes_to_the_next_line_whole() -> None:
    wrapper = Wrapper(lambda: 30)
    wrapper.begin([], [])
    wrapper.feed("a" * 20)
    assert [text_of(wrapper.feed(char)) for char in " elephants"] == [""] * 10  # they may just fit
    assert text_of(wrapper.feed("!")) == "\nelephants!"
