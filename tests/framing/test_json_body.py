"""A body that is one value: whole at the end, however it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import LimitError
from streamfold.framing.json_body import JSONBody

from ..chunkings import chunkings, splits

ROWS = {
    "pretty-printed": (b'{\n  "error": {\n    "code": 401\n  }\n}\n', [b'{\n  "error": {\n    "code": 401\n  }\n}']),
    "compact": (b'{"error":{"code":401}}', [b'{"error":{"code":401}}']),
    "crlf": (b'\r\n{\r\n}\r\n', [b"{\r\n}"]),
    "bom": (b'\xef\xbb\xbf {"a":1}', [b'{"a":1}']),
    "html": (b"<!doctype html>\n<html></html>\n", [b"<!doctype html>\n<html></html>"]),
    "a sentence": (b"upstream connect error", [b"upstream connect error"]),
    "cut short": (b'{"error": {"mess', [b'{"error": {"mess']),
    "invalid utf-8": (b'"\xff"', [b'"\xff"']),
    "white space": (b" \r\n\t", []),
    "bom alone": (b"\xef\xbb\xbf\n", []),
    "nothing": (b"", []),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "wanted"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(wire, wanted):
    for pieces in chunkings(wire):
        body = JSONBody()
        assert [frame for piece in pieces for frame in body.feed(piece)] == []
        assert body.rest == wire
        assert body.close() == wanted
        assert (body.rest, body.close()) == (b"", [])


def test_limit_is_the_last_frame():
    for pieces in chunkings(b'{"a":"' + b"b" * 100 + b'"}'):
        body = JSONBody(limit=80)
        (error,) = [frame for piece in pieces for frame in body.feed(piece)]
        assert isinstance(error, LimitError)
        assert error.size > error.limit == 80
        assert body.feed(b"{}") == body.close() == []
        assert body.rest == b""


def test_body_of_just_the_limit_is_taken():
    for pieces in chunkings(b"b" * 80):
        body = JSONBody(limit=80)
        assert [frame for piece in pieces for frame in body.feed(piece)] == []
        assert body.close() == [b"b" * 80]


def test_body_of_many_megabytes_is_refused():
    body = JSONBody()
    for _ in range(33):
        frames = body.feed(b"x" * 2**20)
    assert isinstance(frames[0], LimitError)


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(st.binary())
    body, whole = JSONBody(), JSONBody()
    for piece in data.draw(splits(wire)):
        assert body.feed(piece) == []
    assert whole.feed(wire) == []
    assert body.close() == whole.close()
