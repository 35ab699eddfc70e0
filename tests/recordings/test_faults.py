"""Spoiled streams: nothing is added, and what is left is the start of what there was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import CallerError
from streamfold.recordings.faults import Ending, Faults, Piece, Place, chunking, spoiled

PIECES = [Piece(0.5, b"abc"), Piece(1.0, b"defgh"), Piece(2.0, b"ij")]


@pytest.mark.parametrize(
    ("faults", "pieces", "ending"),
    [
        (Faults(), PIECES, Ending.END),
        (Faults(cut_at=Place(4)), [(0.5, b"abc"), (1.0, b"d")], Ending.CUT),
        (Faults(cut_at=Place(0)), [], Ending.CUT),
        (Faults(cut_at=Place(99)), PIECES, Ending.CUT),
        (Faults(cut_at=Place(share=0.5)), [(0.5, b"abc"), (1.0, b"de")], Ending.CUT),
        (Faults(stall_at=Place(3)), [(0.5, b"abc")], Ending.STALL),
        (Faults(cut_at=Place(8), stall_at=Place(3)), [(0.5, b"abc")], Ending.STALL),
        (Faults(cut_at=Place(3), stall_at=Place(8)), [(0.5, b"abc")], Ending.CUT),
        (Faults(piece=0), [(2.0, b"abcdefghij")], Ending.END),
        (Faults(piece=4), [(1.0, b"abcd"), (1.0, b"efgh"), (2.0, b"ij")], Ending.END),
        (Faults(cut_at=Place(2), piece=1), [(0.5, b"a"), (0.5, b"b")], Ending.CUT),
    ],
)
def test_what_is_left(faults, pieces, ending):
    assert spoiled(PIECES, faults) == (pieces, ending)


def test_no_pieces():
    assert spoiled([], Faults(cut_at=Place(3), piece=0)) == ([], Ending.CUT)


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 5), st.integers(0, 40))
def test_the_bytes_are_the_start_of_what_there_was(reads, size, cut):
    whole = b"".join(reads)
    pieces, _ = spoiled([Piece(at, data) for at, data in enumerate(reads)], Faults(cut_at=Place(cut), piece=size))
    assert b"".join(piece.data for piece in pieces) == whole[:cut]
    assert [piece.at for piece in pieces] == sorted(piece.at for piece in pieces)
    assert size == 0 or all(len(piece.data) == size for piece in pieces[:-1])


@pytest.mark.parametrize("text", ["", "x", "-1", "101%", "%", "1.5", "50 %"])
def test_what_is_no_place(text):
    with pytest.raises(CallerError, match="no place"):
        Place.parse(text)


def test_places():
    assert (Place.parse("120").of(200), Place.parse("50%").of(200), Place.parse("12.5%").of(200)) == (120, 100, 25)


def test_chunkings():
    assert [chunking(text) for text in ("original", "whole", "bytes", "7")] == [None, 0, 1, 7]
    for text in ("0", "x", ""):
        with pytest.raises(CallerError, match="no way to cut"):
            chunking(text)
