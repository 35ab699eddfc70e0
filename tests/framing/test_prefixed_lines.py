"""Prefixed lines: the AI SDK's data stream protocol v1, cut anywhere."""

import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import FramingError, LimitError
from streamfold.framing.prefixed_lines import PrefixedLine, PrefixedLines

from ..chunkings import chunkings, splits

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
STREAMS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [stream for stream in STREAMS if stream["framing"] == "prefixed-lines"]
EVERY_RECORDING = pytest.mark.parametrize("stream", RECORDINGS or [None], ids=lambda stream: stream and stream["file"])


def read(lines, pieces):
    return [frame for piece in pieces for frame in lines.feed(piece)]


def parts(wire):
    """Return what `feed` and then `close` deliver, and the rest: the same for every way to cut `wire`."""
    outcomes = []
    for pieces in chunkings(wire):
        lines = PrefixedLines()
        fed, closed = read(lines, pieces), lines.close()
        assert lines.unterminated is bool(closed)
        if (fed, closed, lines.rest) not in outcomes:
            outcomes.append((fed, closed, lines.rest))
    assert len(outcomes) == 1
    return outcomes[0]


TEXT, END = PrefixedLine("0", b'"a:\\n"'), PrefixedLine("d", b'{"finishReason":"stop"}')

ROWS = {
    "lf": (b'0:"a:\\n"\nd:{"finishReason":"stop"}\n', [TEXT, END], [], b""),
    "crlf": (b'0:"a:\\n"\r\nd:{"finishReason":"stop"}\r\n', [TEXT, END], [], b""),
    "no last lf": (b'0:"a:\\n"\nd:{"finishReason":"stop"}', [TEXT], [END], b""),
    "white space after the colon": (b'0: "a:\\n"\n', [TEXT], [], b""),
    "blank lines and bom": (b'\xef\xbb\xbf0:"a:\\n"\n\n\n', [TEXT], [], b""),
    "any short name": (b"9:1\nfinish:{}\nZz0:\n", [("9", b"1"), ("finish", b"{}"), ("Zz0", b"")], [], b""),
    "utf-8": ('0:"😀"\n'.encode(), [("0", '"😀"'.encode())], [], b""),
    "cut in a payload": (b'0:"a:\\n"\nd:{"fin', [TEXT], [("d", b'{"fin')], b""),
    "cut after the colon": (b'0:"a:\\n"\nd:', [TEXT], [("d", b"")], b""),
    "cut in a prefix": (b'0:"a:\\n"\nd', [TEXT], [], b"d"),
    "nothing": (b"", [], [], b""),
}


@pytest.mark.parametrize(("wire", "whole", "closed", "rest"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(wire, whole, closed, rest):
    assert parts(wire) == (whole, closed, rest)


BARE = {
    "no colon": (b'0:"a:\\n"\noops\n0:"b"\n', "line 2 has no prefix: b'oops'"),
    "json": (b'0:"a:\\n"\n{"error": 1}\n', """line 2 has no prefix: b'{"error": 1}'"""),
    "html": (b'0:"a:\\n"\n<a href="http://x/">\n', "line 2 has no prefix: b'<a href"),
    "nothing before the colon": (b'0:"a:\\n"\n: ping\n', "line 2 has no prefix: b': ping'"),
    "long name": (b'0:"a:\\n"\n' + b"a" * 17 + b":1\n", "line 2 has no prefix: b'aaaaaaaaaaaaaaaaa:1'"),
    "not cut in a prefix": (b'0:"a:\\n"\nupstream error', "line 2 has no prefix: b'upstream error'"),
}


@pytest.mark.parametrize(("wire", "message"), BARE.values(), ids=BARE)
def test_line_without_a_prefix_is_an_error(wire, message):
    for pieces in chunkings(wire):
        lines = PrefixedLines()
        before, error = [*read(lines, pieces), *lines.close()]
        assert before == TEXT
        assert isinstance(error, FramingError)
        assert str(error).startswith(message)
        assert lines.rest == wire.split(b"\n")[1]
        assert lines.feed(b"0:1\n") == lines.close() == []
        assert lines.unterminated is False


@pytest.mark.parametrize("wire", [b"0:1\n0:" + b"b" * 100 + b"\n0:2\n", b"0:1\n0:" + b"b" * 100])
def test_limit_is_the_last_frame(wire):
    for pieces in chunkings(wire):
        lines = PrefixedLines(limit=80)
        before, error = read(lines, pieces)
        assert before == ("0", b"1")
        assert isinstance(error, LimitError)
        assert error.size > error.limit == 80
        assert lines.feed(b"0:3\n") == lines.close() == []
        assert lines.rest == b""


def test_line_is_an_event():
    assert (TEXT.event, TEXT.data) == ("0", b'"a:\\n"')


@EVERY_RECORDING
def test_recording_however_it_is_cut(stream, shared):
    wire = (CORPUS / stream["file"]).read_bytes()
    wanted = [(line[:1].decode(), line[2:]) for line in wire.splitlines()]
    assert len(wanted) == stream["n_events"]
    for pieces in islice(chunkings(wire), 60):
        lines = PrefixedLines()
        assert read(lines, pieces) == wanted
        assert lines.close() == []


PARTS = st.sampled_from([b"0", b"a:", b"d:{}", b'"x"', b":", b"\n", b"\n", b"\r\n", b"\r", b" ", b"\xff", b"12345678"])


def outcome(pieces):
    lines = PrefixedLines(limit=20)
    frames = [*read(lines, pieces), *lines.close()]
    return [frame if isinstance(frame, PrefixedLine) else str(type(frame)) for frame in frames], lines.unterminated


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(st.lists(PARTS).map(b"".join) | st.binary())
    assert outcome(data.draw(splits(wire))) == outcome([wire])
