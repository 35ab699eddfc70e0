"""Halves of surrogate pairs: joined wherever they were cut, replaced where they stay alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.folding.surrogates import SurrogateJoiner, has_surrogates, replace_surrogates

from ..chunkings import chunkings, splits

HIGH, LOW, FACE = "\ud83d", "\ude00", "😀"
ROWS = {
    "pair": (HIGH + LOW, FACE, 0),
    "pair among text": (f"a{HIGH}{LOW}b", f"a{FACE}b", 0),
    "lone high": (f"{HIGH}a", "\ufffda", 1),
    "lone low": (f"a{LOW}", "a\ufffd", 1),
    "high at the end": (f"a{HIGH}", "a\ufffd", 1),
    "two highs": (HIGH + HIGH + LOW, "\ufffd" + FACE, 1),
    "turned round": (LOW + HIGH, "\ufffd\ufffd", 2),
    "a real U+FFFD": (f"\ufffd{HIGH}", "\ufffd\ufffd", 1),
    "valid": (f"é{FACE}", f"é{FACE}", 0),
}


def joined(pieces):
    joiner = SurrogateJoiner()
    text = "".join([*map(joiner.feed, pieces), joiner.close()])
    return text, joiner.n_replaced


@pytest.mark.parametrize(("text", "wanted", "n_replaced"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(text, wanted, n_replaced):
    for pieces in chunkings(text):
        assert joined(pieces) == (wanted, n_replaced)
    assert replace_surrogates(text) == wanted


def test_only_a_high_half_at_the_end_is_held():
    joiner = SurrogateJoiner()
    assert joiner.feed(f"a{HIGH}") == "a"
    assert joiner.held == HIGH
    assert joiner.feed("") == ""
    assert joiner.feed(f"{LOW}b") == f"{FACE}b"
    assert joiner.held == ""


@pytest.mark.parametrize(
    ("text", "has"), [("", False), ("a", False), ("é😀\ufffd", False), (HIGH, True), ("a\udfff", True)]
)
def test_has_surrogates(text, has):
    assert has_surrogates(text) is has


def by_the_standard(text):
    """Return `text` as the WHATWG Encoding Standard decodes its UTF-16 code units."""
    pair = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    paired = pair.sub(lambda m: chr(0x10000 + (ord(m[0][0]) - 0xD800 << 10) + ord(m[0][1]) - 0xDC00), text)
    return re.sub("[\ud800-\udfff]", "\ufffd", paired)


@given(st.text(st.sampled_from([HIGH, LOW, "\ud800", "\udfff", "a", "é", FACE, "\ufffd"])).flatmap(splits))
def test_any_mixture_of_halves(pieces):
    assert joined(pieces)[0] == by_the_standard("".join(pieces))
