"""Server-sent events: the case file, and what servers of models add to the standard, cut anywhere."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import FramingError, LimitError
from streamfold.framing import sse as sse_module
from streamfold.framing.sse import SSE, ServerSentEvent

from ..chunkings import chunkings, splits
from .short_way import alone

CASE_FILE = Path(__file__).parents[3] / "shared" / "cases" / "sse_cases.json"
CASES = json.loads(CASE_FILE.read_text("utf-8")) if CASE_FILE.exists() else []
EVERY_CASE = pytest.mark.parametrize("case", CASES or [None], ids=lambda case: case and case["name"])


def told(frame):
    """Return a frame as the case file writes events: type, data, id, retry."""
    if isinstance(frame, bytes):
        frame = ServerSentEvent(frame)
    return frame.event, frame.data.decode("utf-8", "replace"), frame.id, frame.retry


def read(sse, pieces):
    return [frame for piece in pieces for frame in sse.feed(piece)]


def events(wire):
    """Return what `feed` and then `close` deliver, the same for every way to cut `wire`."""
    outcomes = []
    for pieces in chunkings(wire):
        sse = SSE()
        outcome = [told(frame) for frame in read(sse, pieces)], [told(frame) for frame in sse.close()]
        if outcome not in outcomes:
            outcomes.append(outcome)
    assert len(outcomes) == 1
    return outcomes[0]


# --- the case file ----------------------------------------------------------------------------------------


def wanted(case):
    keys = ("event", "data", "id", "retry")
    return [tuple(event[key] for key in keys) for event in case["expected_events"]]


@EVERY_CASE
def test_case_however_it_is_cut(case, shared):
    wire = base64.b64decode(case["bytes_base64"])
    for pieces in chunkings(wire):
        sse = SSE()
        assert [told(frame) for frame in read(sse, pieces)] == wanted(case)
        assert sse.last_event_id == case.get("final_last_event_id", sse.last_event_id)
        assert sse.retry == case.get("final_retry_ms", sse.retry)


@EVERY_CASE
def test_case_as_its_source_cuts_it(case, shared):
    pieces = [base64.b64decode(piece) for piece in case.get("chunks_base64", [case["bytes_base64"]])]
    assert [told(frame) for frame in read(SSE(), pieces)] == wanted(case)


# Where the edge-case contract and the standard disagree, we follow the contract. The standard drops an event that the
# end of the stream left without its blank line; `close` delivers it, because it often holds the finish reason or the
# usage. These are all the cases of the file that have one.
UNTERMINATED = {
    "wpt-data-before-final-empty-line": [("message", "test2", "test", None)],
    "whatwg-example3": [("message", "", "", None)],
    "esp-mixed-comments": [("message", "5", "", None)],
}


@EVERY_CASE
def test_case_at_the_end_of_the_stream(case, shared):
    sse = SSE()
    sse.feed(base64.b64decode(case["bytes_base64"]))
    last_event_id = sse.last_event_id
    rest = [told(frame) for frame in sse.close() if not isinstance(frame, FramingError)]
    assert rest == UNTERMINATED.get(case["name"], [])
    assert sse.unterminated is bool(rest)
    assert sse.last_event_id == last_event_id  # only a whole event moves the point to resume at


# --- the rows of the edge-case contract -------------------------------------------------------------------


def plain(*data):
    return [("message", one, "", None) for one in data]


ROWS = {
    "bom": (b"\xef\xbb\xbfdata: a\n\n", plain("a")),
    "half a bom is no bom": (b"\xef\xbbdata: a\n\ndata: b\n\n", plain("b")),
    "utf-8 cut inside a character": (b"data: \xf0\x9f\x98\x80\n\n", plain("😀")),
    "crlf cut in two": (b"data: a\r\n\r\ndata: b\r\n\r\n", plain("a", "b")),
    "cr": (b"data: a\r\rdata: b\r\r", plain("a", "b")),
    "line separator": ("data: a\u2028b\n\n".encode(), plain("a\u2028b")),
    "extra blank lines": (b"id: 1\ndata: a\n\n\n\n", [("message", "a", "1", None)]),
    "comment block": (b"id: 1\ndata: a\n\n: ping\n\n", [("message", "a", "1", None)]),
    "retry alone": (b"retry: 3000\n\n", []),
    "empty data": (b"data:\n\n", plain("")),
    "no space": (b'data:{"a":1}\n\n', plain('{"a":1}')),
    "two spaces": (b"data:  x\n\n", plain(" x")),
    "keepalive as data": (b"data: : keepalive\n\n", plain(": keepalive")),
    "ping": (b"event: ping\ndata: {}\n\n", [("ping", "{}", "", None)]),
    "done": (b"data: a\n\ndata: [DONE]\n\n", plain("a", "[DONE]")),
    "invalid utf-8": (b"data: \xff\xfe\n\n", plain("\ufffd\ufffd")),
    "comment inside an event": (b"data: a\n: ping\ndata: b\n\n", plain("a\nb")),
    "comment before an event": (b": ping\ndata: a\n\n", plain("a")),
    "id on every event": (b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", [("message", x, i, None) for x, i in ("a1", "b2")]),
    "id taken back": (b"id: 1\ndata: a\n\nid\ndata: b\n\ndata: c\n\n", [("message", "a", "1", None), *plain("b", "c")]),
    "retry with data": (b"retry: 10\ndata: a\n\ndata: b\n\n", [("message", "a", "", 10), *plain("b")]),
    "retry of too many digits": (b"retry: " + b"9" * 19 + b"\ndata: a\n\n", plain("a")),
    "field of error": (b"data: a\n\nerror: {}\n\n", [*plain("a"), ("error", "{}", "", None)]),
    "field of error in a block": (b"data: a\nerror: {}\n\n", [*plain("a"), ("error", "{}", "", None)]),
    "bare json": (b'{"error":\n1}\n\ndata: a\n\n', [("error", '{"error":\n1}', "", None), *plain("a")]),
    "unknown lines first": (b"HTTP/1.1 200 OK\n\ndata: a\n\ndata: b\n\n", plain("a", "b")),
}


@pytest.mark.parametrize(("wire", "wanted"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(wire, wanted):
    assert events(wire) == (wanted, [])


UNFINISHED = {
    "line without its end": (b"data: a", plain("a")),
    "line without a blank one": (b"data: a\n", plain("a")),
    "cr": (b"data: a\r", plain("a")),
    "several lines": (b"event: x\ndata: a\ndata: b", [("x", "a\nb", "", None)]),
    "cut inside a field's name": (b"data: a\n\ndat", []),
    "only a type": (b"event: x\n", []),
    "half a bom": (b"\xef\xbb", []),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("wire", "rest"), UNFINISHED.values(), ids=UNFINISHED)
def test_close_delivers_the_unfinished_event(wire, rest):
    assert events(wire)[1] == rest


def test_comments_are_counted():
    for pieces in chunkings(b": a\n\n:\ndata: x\n\n: b\n"):
        sse = SSE()
        read(sse, pieces)
        assert sse.n_comments == 3


# --- what is no event stream ------------------------------------------------------------------------------

FOREIGN = {
    "html": b"<!doctype html>\n<html>\n\n<body>502: Bad gateway</body></html>\n",
    "a sentence": b"upstream connect error or disconnect/reset before headers",
    "json list": b'[{"error": {"code": 429}}]',
}


@pytest.mark.parametrize("wire", FOREIGN.values(), ids=FOREIGN)
def test_foreign_body_is_an_error_at_its_end(wire):
    for pieces in chunkings(wire):
        sse = SSE()
        assert read(sse, pieces) == []
        (error,) = sse.close()
        assert isinstance(error, FramingError)
        assert wire.split(b"\n")[0].decode() in str(error)
        assert wire.replace(b"\n", b"") == sse.rest.replace(b"\n", b"")


def test_foreign_body_is_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(sse_module, "MAX_FOREIGN_BYTES", 100)
    sse = SSE()
    for _ in range(50):
        sse.feed(b"x" * 70 + b"\n")
    assert len(sse.rest) < 300


# --- limits -----------------------------------------------------------------------------------------------

TOO_LARGE = {
    "line": b"data: a\n\ndata: " + b"b" * 100 + b"\n\ndata: c\n\n",
    "event": b"data: a\n\n" + b"data: bbbbbbbbbb\n" * 8 + b"\ndata: c\n\n",
    "comment": b"data: a\n\n: " + b"b" * 100 + b"\ndata: c\n\n",
    "unfinished line": b"data: a\n\ndata: " + b"b" * 100,
}


@pytest.mark.parametrize("wire", TOO_LARGE.values(), ids=TOO_LARGE)
def test_limit_is_the_last_frame(wire):
    for pieces in chunkings(wire):
        sse = SSE(limit=80)
        *before, error = read(sse, pieces)
        assert before == [b"a"]
        assert isinstance(error, LimitError)
        assert error.size > error.limit == 80
        assert sse.feed(b"data: d\n\n") == sse.close() == []


def test_limit_holds_for_a_read_that_is_one_plain_event():
    sse = SSE(limit=80)
    sse.feed(b"data: a\n\n")
    (error,) = sse.feed(b"data: " + b"b" * 75 + b"\n\n")
    assert isinstance(error, LimitError)


def test_limit_is_the_event_s_not_the_stream_s():
    wire = (b"data: " + b"a" * 70 + b"\n\n") * 5
    for pieces in chunkings(wire):
        assert read(SSE(limit=80), pieces) == [b"a" * 70] * 5


def test_event_of_many_megabytes_is_refused():
    sse = SSE()
    for _ in range(33):
        frames = sse.feed(b"x" * 2**20)
    assert isinstance(frames[0], LimitError)


# --- any bytes --------------------------------------------------------------------------------------------

LINES = [
    b"data: a",
    b"data:b",
    b"data",
    b"event: x",
    b"id: 1",
    b"id",
    b"retry: 5",
    b": c",
    b"error: e",
    b"{",
    b"??",
    b"",
]
ENDS = [b"\n", b"\n", b"\n\n", b"\r\n", b"\r", b""]
WIRES = st.lists(st.sampled_from([line + end for line in LINES for end in ENDS])).map(b"".join)


def outcome(pieces):
    sse = SSE(limit=30)
    frames = [*read(sse, pieces), *sse.close()]
    frames = [type(frame) if isinstance(frame, FramingError) else told(frame) for frame in frames]
    return frames, sse.last_event_id, sse.retry, sse.n_comments, sse.unterminated


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(WIRES | st.binary())
    assert outcome(data.draw(splits(wire))) == outcome([wire])


@given(WIRES | st.binary(), WIRES)
def test_short_way_is_the_long_one(before, wire):
    sse = SSE(limit=30)
    sse.feed(before)
    data = alone(sse, wire)
    assert data is None or [getattr(frame, "data", frame) for frame in sse.feed(wire)] == [data]


@pytest.mark.parametrize(
    "wire", [b"data: a\n\n", b"data: a\r\n\r\n", b"event: x\ndata: a\n\n", b"event: x\r\ndata: a\r\n\r\n"]
)
def test_short_way_takes_one_event(wire):
    sse = SSE()
    assert alone(sse, wire) is None
    sse.feed(wire)
    assert alone(sse, wire) == b"a"
