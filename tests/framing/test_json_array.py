"""A JSON array as a stream: elements as they complete, against the standard library, cut anywhere."""

import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import FramingError, LimitError
from streamfold.framing.json_array import MATCHED_DEPTH, JSONArray

from ..chunkings import chunkings, splits

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
STREAMS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [stream for stream in STREAMS if stream["framing"] == "json-array"]
EVERY_RECORDING = pytest.mark.parametrize("stream", RECORDINGS or [None], ids=lambda stream: stream and stream["file"])


def read(array, pieces):
    return [frame for piece in pieces for frame in array.feed(piece)]


def told(frame):
    """Return an error as its kind and place: its words may tell how the wire was cut."""
    return (type(frame), frame.offset) if isinstance(frame, FramingError) else frame


def elements(wire):
    """Return the frames, whether the array ended, and the rest: the same for every way to cut `wire`."""
    outcomes = []
    for pieces in chunkings(wire):
        array = JSONArray()
        outcome = [told(frame) for frame in read(array, pieces)], array.ended, array.rest
        assert array.close() == []
        if outcome not in outcomes:
            outcomes.append(outcome)
    assert len(outcomes) == 1
    return outcomes[0]


ROWS = {
    "as gemini sends it": (b'[{\r\n "a": 1\r\n}\r\n,\r\n{\r\n}\r\n]', [b'{\r\n "a": 1\r\n}', b"{\r\n}"]),
    "compact": (b'[{"a":1},{"a":2}]', [b'{"a":1}', b'{"a":2}']),
    "white space everywhere": (b' \n[ \t{ } ,\r\n [ ] ] \r\n', [b"{ }", b"[ ]"]),
    "empty": (b"[]", []),
    "empty with white space": (b"\n[\r\n]\n", []),
    "bom": (b"\xef\xbb\xbf [{}]", [b"{}"]),
    "nested": (b'[{"a":[{"b":[[]]},{}]},[[1],[2]]]', [b'{"a":[{"b":[[]]},{}]}', b"[[1],[2]]"]),
    "brackets in strings": (b'[{"a]}":"[{,"},["]","}"],","]', [b'{"a]}":"[{,"}', b'["]","}"]', b'","']),
    "escapes": (rb'[{"a":"\"]}\\"},"\\\"]",["\\","\u005d"]]', [rb'{"a":"\"]}\\"}', rb'"\\\"]"', rb'["\\","\u005d"]']),
    "scalars": (b'[1, -2.5e3 ,true,null,"a"]', [b"1", b"-2.5e3", b"true", b"null", b'"a"']),
    "utf-8": ('[{"a":"😀\u2028"}]'.encode(), ['{"a":"😀\u2028"}'.encode()]),
    "invalid utf-8": (b'[{"a":"\xff\xc3"}]', [b'{"a":"\xff\xc3"}']),
    "comma too many": (b"[{},,{},]", [b"{}", b"{}"]),
    "comma too few": (b"[{}{} 1]", [b"{}", b"{}", b"1"]),
    "what is no json is an element": (b"[{}, oops it broke, {}]", [b"{}", b"oops it broke", b"{}"]),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "wanted"), ROWS.values(), ids=ROWS)
def test_row_however_it_is_cut(wire, wanted):
    assert elements(wire) == (wanted, True, b"")


CUT = {
    "nothing": (b"", [], b""),
    "white space": (b" \n", [], b""),
    "half a bom": (b"\xef\xbb", [], b"\xef\xbb"),
    "only the bracket": (b"[", [], b""),
    "between elements": (b'[{"a":1},', [b'{"a":1}'], b""),
    "inside an element": (b'[{"a":1},{"a":[', [b'{"a":1}'], b'{"a":['),
    "inside a string": (b'[{"a":1},{"a":"]}', [b'{"a":1}'], b'{"a":"]}'),
    "inside an escape": (b'[{"a":"\\', [], b'{"a":"\\'),
    "inside a number": (b"[1,2", [b"1"], b"2"),
}


@pytest.mark.parametrize(("wire", "wanted", "rest"), CUT.values(), ids=CUT)
def test_array_that_breaks_off(wire, wanted, rest):
    assert elements(wire) == (wanted, False, rest)


WRONG = {
    "object": (b'{"error":{"code":429}}', [], 0, False),
    "html": (b" \n<!doctype html>", [], 2, False),
    "half a bom": (b"\xef\xbb[{}]", [], 0, False),
    "two boms": (b"\xef\xbb\xbf\xef\xbb\xbf[{}]", [], 3, False),
    "wrong bracket": (b"[{} }, {}]", [b"{}"], 4, False),
    "wrong bracket after a number": (b"[1}, {}]", [b"1"], 2, False),
    "garbage after the end": (b"[{}]\n x", [b"{}"], 6, True),
    "second array": (b"[{}][{}]", [b"{}"], 4, True),
}


@pytest.mark.parametrize(("wire", "before", "offset", "ended"), WRONG.values(), ids=WRONG)
def test_what_is_no_array_is_an_error(wire, before, offset, ended):
    for pieces in chunkings(wire):
        array = JSONArray()
        *frames, error = read(array, pieces)
        assert frames == before
        assert (type(error), error.offset) == (FramingError, offset)
        assert array.ended is ended
        assert array.rest
        assert wire[offset:].startswith(array.rest)
        assert array.feed(b"[{}]") == array.close() == []


def test_error_says_what_was_there():
    (error,) = JSONArray().feed(b"  <html>")
    assert str(error) == "not a JSON array: b'<' where [ should be (at byte 2)"


def test_element_is_handed_on_with_its_last_bracket():
    array = JSONArray()
    reads = [b"[", b'{"a":', b"[1]", b"}", b",", b"1", b"]", b"\n"]
    assert [array.feed(data) for data in reads] == [[], [], [], [b'{"a":[1]}'], [], [], [b"1"], []]


@EVERY_RECORDING
def test_recording_however_it_is_cut(stream, shared):
    wire = (CORPUS / stream["file"]).read_bytes()
    wanted = json.loads(wire)
    assert len(wanted) == stream["n_events"]
    for pieces in islice(chunkings(wire), 60):
        array = JSONArray()
        assert [json.loads(frame) for frame in read(array, pieces)] == wanted
        assert (array.ended, array.rest) == (True, b"")


# --- limits -----------------------------------------------------------------------------------------------

TOO_LARGE = {
    "element": b'[{},{"a":"' + b"b" * 100 + b'"},{}]',
    "unfinished element": b'[{},{"a":"' + b"b" * 100,
    "scalar": b"[{}," + b"1" * 100 + b",{}]",
}


@pytest.mark.parametrize("wire", TOO_LARGE.values(), ids=TOO_LARGE)
def test_limit_is_the_last_frame(wire):
    for pieces in chunkings(wire):
        array = JSONArray(limit=80)
        *before, error = read(array, pieces)
        assert before == [b"{}"]
        assert isinstance(error, LimitError)
        assert error.size > error.limit == 80
        assert array.feed(b"{}]") == array.close() == []
        assert array.rest == b""


def test_white_space_between_elements_is_not_held():
    for pieces in chunkings(b"[{}" + b" " * 100 + b",{}" + b"\r\n" * 100):
        array = JSONArray(limit=80)
        assert read(array, pieces) == [b"{}"] * 2
        assert array.rest == b""


@pytest.mark.parametrize("read", [b",{}", b"\r\n,\r\n{}", b"{}\r\n,", b" , "])
def test_one_element_a_read(read):
    """The short way says what the long way does, and the offset of a later error is right."""
    array = JSONArray()
    assert array.one(read) is None
    array.feed(b"[{}\r\n")
    assert array.one(read) == read.strip(b", \r\n")
    assert array.feed(read) == [b"{}"] * (b"{" in read)
    assert array.one(read) is not None
    (error,) = array.feed(b"}")
    assert error.offset == len(b"[{}\r\n") + 2 * len(read)
    assert array.one(read) is None


def test_no_read_is_taken_alone_inside_an_element():
    for start in (b"[{", b"[1", b'["a', b"[{} 2"):
        array = JSONArray()
        array.feed(start)
        assert array.one(b",{}") is None


def test_limit_is_the_element_s_not_the_stream_s():
    wire = b"[" + b",".join([b'"' + b"a" * 78 + b'"'] * 5) + b"]"
    for pieces in chunkings(wire):
        assert read(JSONArray(limit=80), pieces) == [b'"' + b"a" * 78 + b'"'] * 5


def test_element_of_many_megabytes_is_refused():
    array = JSONArray()
    array.feed(b'["')
    for _ in range(32):
        frames = array.feed(b"x" * 2**20)
    assert isinstance(frames[0], LimitError)


@pytest.mark.parametrize("depth", range(MATCHED_DEPTH // 2 - 2, MATCHED_DEPTH // 2 + 2))
def test_nesting_about_the_depth_of_a_match(depth):
    deep = b'{"]":[' * depth + b"[[]]" + b"]}" * depth
    for size in (1, depth, 1_000):
        wire = b"[" + deep + b"," + deep[5:-1] + b"]"
        assert read(JSONArray(), [wire[at : at + size] for at in range(0, len(wire), size)]) == [deep, deep[5:-1]]


def test_nesting_is_only_counted():
    deep = b"[" * 50_000 + b"]" * 50_000
    assert JSONArray().feed(b"[" + deep + b"]") == [deep]


# --- anything ---------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('[]{},:"\\aé😀\n')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\]', max_size=3), inner, max_size=3),
)


@given(st.data())
def test_any_array_is_read_as_the_standard_library_does(data):
    values = data.draw(st.lists(VALUES, max_size=4))
    text = json.dumps(values, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans()))
    array = JSONArray()
    assert [json.loads(frame) for frame in read(array, data.draw(splits(text.encode())))] == values
    assert (array.ended, array.rest) == (True, b"")


PARTS = st.sampled_from(
    [b"[", b"]", b"{", b"}", b",", b'"', b"\\", b" ", b"\r\n", b"1", b'"a"', b"\xef\xbb\xbf", b"\xff"]
)


def outcome(pieces):
    array = JSONArray(limit=10)
    frames = [told(frame) for frame in read(array, pieces)]
    failed = bool(frames) and isinstance(frames[-1], tuple)
    return frames, array.ended, array.rest[:1] if failed else array.rest


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(st.lists(PARTS).map(lambda parts: b"[" + b"".join(parts)) | st.binary())
    assert outcome(data.draw(splits(wire))) == outcome([wire])
