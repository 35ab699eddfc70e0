"""Newline-delimited JSON: the specification's rows, recordings, and any bytes, cut anywhere."""

import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import LimitError
from streamfold.framing.ndjson import NDJSON

from ..chunkings import chunkings, splits
from .short_way import alone

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
STREAMS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [stream for stream in STREAMS if stream["framing"] in ("ndjson", "json-lines")]
EVERY_RECORDING = pytest.mark.parametrize("stream", RECORDINGS or [None], ids=lambda stream: stream and stream["file"])
SMALL = 1_000
"""Below so many bytes a recording is cut in every way, otherwise in a few."""


def read(ndjson, pieces):
    return [frame for piece in pieces for frame in ndjson.feed(piece)]


def texts(wire):
    """Return what `feed` and then `close` deliver, the same for every way to cut `wire`."""
    outcomes = []
    for pieces in chunkings(wire):
        ndjson = NDJSON()
        fed = read(ndjson, pieces)
        rest = ndjson.rest
        closed = ndjson.close()
        assert ndjson.unterminated is bool(closed)
        assert ndjson.rest == b""
        if (fed, closed, rest) not in outcomes:
            outcomes.append((fed, closed, rest))
    assert len(outcomes) == 1
    return outcomes[0][:2]


ROWS = {
    "lf": (b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}'], []),
    "crlf": (b'{"a":1}\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}'], []),
    "lone cr is white space": (b'{"a":\r1}\r{"b":2}\n', [b'{"a":\r1}\r{"b":2}'], []),
    "no last lf": (b'{"a":1}\n{"a":2}', [b'{"a":1}'], [b'{"a":2}']),
    "no last lf but cr": (b'{"a":1}\n{"a":2}\r', [b'{"a":1}'], [b'{"a":2}']),
    "blank lines": (b'\n\r\n{"a":1}\n\n \t\r\n{"a":2}\n\n', [b'{"a":1}', b'{"a":2}'], []),
    "white space around": (b'  {"a":1}\t \n', [b'{"a":1}'], []),
    "only white space is left": (b'{"a":1}\n \r', [b'{"a":1}'], []),
    "bom": (b'\xef\xbb\xbf{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}'], []),
    "bom and no lf": (b'\xef\xbb\xbf{"a":1}', [], [b'{"a":1}']),
    "bom alone": (b"\xef\xbb\xbf\n1\n", [b"1"], []),
    "bom later is no bom": (b"1\n\xef\xbb\xbf2\n", [b"1", b"\xef\xbb\xbf2"], []),
    "other line ends are characters": ('"\u2028\x85\x0b\x0c"\n'.encode(), ['"\u2028\x85\x0b\x0c"'.encode()], []),
    "utf-8": ('{"a":"😀é"}\n'.encode(), ['{"a":"😀é"}'.encode()], []),
    "what is no json": (b"<html>\n\xff\xfe\n", [b"<html>", b"\xff\xfe"], []),
    "any value": (b'1\n"a"\nnull\n[]\n', [b"1", b'"a"', b"null", b"[]"], []),
    "nothing": (b"", [], []),
}


@pytest.mark.parametrize(("wire", "whole", "rest"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(wire, whole, rest):
    assert texts(wire) == (whole, rest)


@EVERY_RECORDING
def test_recording_however_it_is_cut(stream, shared):
    wire = (CORPUS / stream["file"]).read_bytes()
    wanted = [line for line in wire.splitlines() if line]
    assert len(wanted) == stream["n_events"]
    for pieces in islice(chunkings(wire), 0, None, 1 if len(wire) < SMALL else 40):
        ndjson = NDJSON()
        assert [*read(ndjson, pieces), *ndjson.close()] == wanted
        assert ndjson.unterminated is not wire.endswith(b"\n")


def test_each_read_of_one_line_is_one_frame():
    ndjson = NDJSON()
    reads = [b"\xef\xbb\xbf1\n", b"2\n", b"3\r\n", b"\n", b"4", b"\n", b"5\n", b"6"]
    assert [ndjson.feed(data) for data in reads] == [[b"1"], [b"2"], [b"3"], [], [], [b"4"], [b"5"], []]
    assert (ndjson.rest, ndjson.close()) == (b"6", [b"6"])


# --- limits -----------------------------------------------------------------------------------------------

TOO_LARGE = {
    "line": b'{"a":1}\n' + b"b" * 100 + b'\n{"c":1}\n',
    "unfinished line": b'{"a":1}\n' + b"b" * 100,
    "white space": b'{"a":1}\n' + b" " * 100 + b"\n",
}


@pytest.mark.parametrize("wire", TOO_LARGE.values(), ids=TOO_LARGE)
def test_limit_is_the_last_frame(wire):
    for pieces in chunkings(wire):
        ndjson = NDJSON(limit=80)
        *before, error = read(ndjson, pieces)
        assert before == [b'{"a":1}']
        assert isinstance(error, LimitError)
        assert error.size > error.limit == 80
        assert ndjson.feed(b"1\n") == ndjson.close() == []
        assert (ndjson.rest, ndjson.unterminated) == (b"", False)


def test_limit_is_the_line_s_not_the_stream_s():
    wire = (b"a" * 80 + b"\n") * 5 + b"b" * 80
    for pieces in chunkings(wire):
        ndjson = NDJSON(limit=80)
        assert read(ndjson, pieces) == [b"a" * 80] * 5
        assert ndjson.close() == [b"b" * 80]


def test_line_of_many_megabytes_is_refused():
    ndjson = NDJSON()
    for _ in range(33):
        frames = ndjson.feed(b"x" * 2**20)
    assert isinstance(frames[0], LimitError)


# --- any bytes --------------------------------------------------------------------------------------------

PARTS = st.sampled_from([b"\xef\xbb\xbf", b'{"a":1}', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\xc3", b"12345678"])


def outcome(pieces):
    ndjson = NDJSON(limit=20)
    frames = [*read(ndjson, pieces), *ndjson.close()]
    return [type(frame) if isinstance(frame, LimitError) else frame for frame in frames], ndjson.unterminated


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(st.lists(PARTS).map(b"".join) | st.binary())
    assert outcome(data.draw(splits(wire))) == outcome([wire])


@given(st.lists(PARTS).map(b"".join), st.lists(PARTS).map(b"".join))
def test_short_way_is_the_long_one(before, wire):
    ndjson = NDJSON(limit=20)
    ndjson.feed(before)
    line = alone(ndjson, wire)
    assert line is None or ndjson.feed(wire) == ([line.strip(b" \t\r\n")] if line.strip(b" \t\r\n") else [])


def test_short_way_takes_one_line():
    ndjson = NDJSON()
    assert alone(ndjson, b"{}\n") is None
    ndjson.feed(b"{}\n")
    assert alone(ndjson, b"{}\n") == b"{}"
