"""The rules as pure functions: no store, no clock."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streamfold.relay.errors import (
    BadRequestError,
    RelayLimitError,
    SequenceGapError,
    StaleEpochError,
    StreamConflictError,
    StreamGoneError,
    StreamNotFoundError,
)
from streamfold.relay.rules import appending
from streamfold.relay.rules.appending import append, repeated
from streamfold.relay.rules.cursors import EPOCH, INTERVAL, MOST_JITTER, next_cursor
from streamfold.relay.rules.lifecycle import Creation, ForkFrom, create, fork
from streamfold.relay.rules.messages import join, split, whole_characters
from streamfold.relay.rules.offsets import from_offset, to_offset
from streamfold.relay.rules.stream import Producer, Stream, due, expired, living, slack, touch

STREAM = Stream("a", "application/json", id=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_offsets_sort_as_positions_do(one, other):
    assert (to_offset(one) < to_offset(other)) == (one < other)
    assert from_offset(to_offset(one)) == one


@pytest.mark.parametrize("token", ["", "5", "now", "-1", "x" * 33, "1" * 16 + "_" + "1" * 16, to_offset(1) + "\n"])
def test_malformed_offsets_are_refused(token):
    with pytest.raises(BadRequestError):
        from_offset(token)


@given(st.lists(values))
def test_an_array_is_its_elements_byte_for_byte(items):
    for dumped in (json.dumps(items), json.dumps(items, indent=1, ensure_ascii=False)):
        body = dumped.encode("utf-8", "surrogatepass")
        try:
            body.decode()
        except UnicodeDecodeError:
            continue
        records = split(body, "application/json; charset=utf-8")
        assert [json.loads(record) for record in records] == items
        assert json.loads(join(records, "application/json")) == items


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b' {"a" : 1} ', [b'{"a" : 1}']),
        (b"[[1,2],[3]]", [b"[1,2]", b"[3]"]),
        (b"[]", []),
        (b"123456789012345678901234567890", [b"123456789012345678901234567890"]),
        (b"1e999", [b"1e999"]),
        (b'["\\ud800", 1]', [b'"\\ud800"', b"1"]),
    ],
)
def test_json_records(body, records):
    assert split(body, "application/json") == records


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b"NaN", b'[NaN, "\\ud800"]', b'"\xff"', b"1 2", b"[" * 100_000])
def test_what_is_not_json_is_refused(body):
    with pytest.raises(BadRequestError):
        split(body, "application/json")


def test_other_bodies_are_one_record():
    assert split(b"[1, 2]", "text/plain") == [b"[1, 2]"]
    assert split(b"", "text/plain") == []
    assert join([b"a", b"b"], "text/plain") == b"ab"


@given(st.text(), st.integers(0, 100))
def test_whole_characters(text, cut):
    data = text.encode("utf-8", "replace")[:cut]
    try:
        data.decode()
        whole = True
    except UnicodeDecodeError:
        whole = False
    assert whole_characters(data) == whole


def test_what_is_no_text_is_not_waited_for():
    assert whole_characters(b"\x80\x80\x80\x80")
    assert whole_characters(b"\xe2\x82\xac")
    assert not whole_characters(b"\xe2\x82")


@given(st.integers(EPOCH, EPOCH + 10**9), st.none() | st.integers(0, 10**9).map(str) | st.text(max_size=20), st.data())
def test_cursors_never_go_back(now, echoed, data):
    cursor = int(next_cursor(now, echoed, lambda low, high: data.draw(st.integers(low, high))))
    assert cursor >= (now - EPOCH) // INTERVAL
    if echoed and echoed.isascii() and echoed.isdigit() and len(echoed) < 16:
        assert cursor > int(echoed) or cursor == (now - EPOCH) // INTERVAL > int(echoed)
        assert cursor <= max((now - EPOCH) // INTERVAL, int(echoed) + MOST_JITTER // INTERVAL)


@pytest.mark.parametrize(
    ("epoch", "seq", "expected"),
    [
        (2, 6, None),
        (2, 5, 5),
        (2, 0, 5),
        (2, 7, SequenceGapError),
        (1, 6, StaleEpochError),
        (3, 0, None),
        (3, 1, BadRequestError),
    ],
)
def test_fencing_of_producers(epoch, seq, expected):
    stream = replace(STREAM, producers={"p": (2, 5)})
    if expected is None or isinstance(expected, int):
        assert repeated(stream, Producer("p", epoch, seq)) == expected
    else:
        with pytest.raises(expected):
            repeated(stream, Producer("p", epoch, seq))


def test_a_new_producer_begins_with_nothing_missing():
    assert repeated(STREAM, Producer("new", 7, 0)) is None
    with pytest.raises(SequenceGapError):
        repeated(STREAM, Producer("new", 7, 1))


def test_the_producers_of_a_stream_are_bounded(monkeypatch):
    monkeypatch.setattr(appending, "MAX_PRODUCERS", 2)
    stream = replace(STREAM, producers={"p": (0, 0), "q": (0, 0)})
    append("a", [b"1"], producer=Producer("p", 0, 1))(0.0, (stream,))
    with pytest.raises(RelayLimitError, match="producers"):
        append("a", [b"1"], producer=Producer("r", 0, 0))(0.0, (stream,))


def test_rules_change_no_state():
    stream = replace(STREAM, producers={"p": (0, 0)})
    before = repr(stream)
    change = append("a", [b"1"], producer=Producer("p", 0, 1), seq="x", close=True)(5.0, (stream,))
    assert repr(stream) == before
    assert change.streams[0] != stream


@pytest.mark.parametrize(
    ("stream", "moment"),
    [
        (STREAM, None),
        (replace(STREAM, ttl=100, touched=7.0), 107.0 + slack(100)),
        (replace(STREAM, expires_at=50.0), 50.0),
        (replace(STREAM, deleted=True), 0.0),
        (replace(STREAM, deleted=True, forks=1), None),
    ],
)
def test_when_a_stream_is_due(stream, moment):
    assert due(stream) == moment


def test_a_use_prolongs_a_time_to_live_and_no_date():
    sliding, fixed = replace(STREAM, ttl=10), replace(STREAM, expires_at=10.0)
    assert touch("a")(9.0, (sliding,)).result.touched == 9.0
    assert touch("a")(9.0, (fixed,)).result == fixed
    assert not expired(sliding, 10.0)
    assert expired(sliding, 10.0 + slack(10))
    assert expired(fixed, 10.0)


def test_who_is_living():
    assert living(STREAM, 0.0, "a") is STREAM
    for stream in (None, replace(STREAM, expires_at=1.0)):
        with pytest.raises(StreamNotFoundError):
            living(stream, 2.0, "a")
    for stream in (replace(STREAM, deleted=True, forks=1), replace(STREAM, expires_at=1.0, forks=1)):
        with pytest.raises(StreamGoneError):
            living(stream, 2.0, "a")


@pytest.mark.parametrize(
    ("source", "asked", "ttl", "expires_at"),
    [
        ({}, {}, None, None),
        ({}, {"ttl": 5}, 5, None),
        ({"ttl": 9}, {}, 9, None),
        ({"ttl": 9}, {"ttl": 5}, 5, None),
        ({"ttl": 9}, {"expires_at": 99.0}, None, 99.0),
        ({"expires_at": 99.0}, {}, None, 99.0),
        ({"expires_at": 99.0}, {"ttl": 5}, 5, None),
    ],
)
def test_what_a_fork_inherits_of_its_sources_lifetime(source, asked, ttl, expires_at):
    rule = fork("b", Creation(**asked), ForkFrom("a"), None)
    stream = rule(0.0, (None, replace(STREAM, **source))).result.stream
    assert (stream.ttl, stream.expires_at, stream.content_type) == (ttl, expires_at, "application/json")


def test_a_fork_takes_neither_producers_nor_the_end_with_it():
    source = replace(STREAM, tail=3, closed=True, producers={"p": (0, 0)}, last_seq="x")
    change = fork("b", Creation(), ForkFrom("a", 2), None)(0.0, (None, source))
    stream, source_after = change.streams
    assert (stream.closed, stream.producers, stream.last_seq, stream.tail) == (False, {}, None, 2)
    assert source_after == replace(source, forks=1)


def test_creating_again_needs_the_same_words():
    stream = create("a", Creation("Text/Plain; charset=utf-8", ttl=5))(0.0, (None,)).result.stream
    assert not create("a", Creation("text/plain", ttl=5))(0.0, (stream,)).result.new
    for other in (Creation("text/html", ttl=5), Creation("text/plain"), Creation("text/plain", ttl=5, closed=True)):
        with pytest.raises(StreamConflictError):
            create("a", other)(0.0, (stream,))
