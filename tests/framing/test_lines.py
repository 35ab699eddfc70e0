"""Lines: every line end, cut anywhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.framing.lines import Lines

from ..chunkings import chunkings, splits

WIRES = {
    "lf": b"a\nb\n",
    "crlf": b"a\r\nb\r\n",
    "cr": b"a\rb\r",
    "mixed": b"a\r\r\n\n\rb\n\r\nc",
    "unfinished": b"a\nb",
    "empty": b"",
    "utf-8": "\u2028é\x85\n\x0b\x0c\x1c\n".encode(),
}


def by_the_standard(wire):
    """Return the whole lines and the rest: WHATWG HTML 9.2.5, with each line end written as LF."""
    text = re.sub(rb"\r\n|\r", b"\n", wire)
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]


def read(pieces):
    lines = Lines()
    whole = b"".join(map(lines.feed, pieces))
    return whole, lines.close()


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_lines_however_they_are_cut(wire):
    for pieces in chunkings(wire):
        assert read(pieces) == by_the_standard(wire)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\xc3\xa9"])).map(b"".join).flatmap(splits))
def test_any_mixture_of_line_ends(pieces):
    assert read(pieces) == by_the_standard(b"".join(pieces))


def test_cr_ends_its_line_at_once():
    lines = Lines()
    assert lines.feed(b"a\r") == b"a\n"
    assert lines.feed(b"\nb\n") == b"b\n"


def test_empty_read_between_cr_and_lf():
    assert read([b"a\r", b"", b"\nb\n"]) == (b"a\nb\n", b"")


def test_size_is_that_of_the_unfinished_line():
    lines = Lines()
    lines.feed(b"a\nbc")
    lines.feed(b"d")
    assert lines.size == 3
    lines.feed(b"\n")
    assert lines.size == 0


@pytest.mark.parametrize(("wire", "is_empty"), [(b"", True), (b"a\n", True), (b"a", False), (b"a\r", False)])
def test_is_empty_where_nothing_bears_on_the_next_bytes(wire, is_empty):
    lines = Lines()
    lines.feed(wire)
    assert lines.is_empty is is_empty
