"""AWS event stream: messages of our own encoder, recordings, and botocore's reader as the comparator, cut anywhere."""

import json
import struct
import zlib
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import FramingError, LimitError
from streamfold.framing.aws_eventstream import MAX_HEADERS_BYTES, MAX_KNOWN_HEADERS, AWSEventStream, AWSMessage

from ..chunkings import chunkings, splits
from ..conftest import missing

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
STREAMS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [stream for stream in STREAMS if stream["framing"] == "aws-eventstream"]
EVERY_RECORDING = pytest.mark.parametrize("stream", RECORDINGS or [None], ids=lambda stream: stream and stream["file"])

# --- an encoder -------------------------------------------------------------------------------------------

BOOL, BYTE, SHORT, INTEGER, LONG, BYTES, STRING, TIMESTAMP, UUID = 0, 2, 3, 4, 5, 6, 7, 8, 9
WIDTHS = {BYTE: 1, SHORT: 2, INTEGER: 4, LONG: 8, TIMESTAMP: 8}


def header(name, kind, value):
    start = bytes([len(name.encode())]) + name.encode()
    if kind == BOOL:
        return start + bytes([0 if value else 1])
    start += bytes([kind])
    if kind in WIDTHS:
        return start + value.to_bytes(WIDTHS[kind], "big", signed=True)
    if kind == UUID:
        return start + value
    value = value.encode() if kind == STRING else value
    return start + struct.pack(">H", len(value)) + value


def prelude(total, n_headers):
    lengths = struct.pack(">II", total, n_headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def message(payload=b"", *headers):
    block = b"".join(headers)
    start = prelude(len(payload) + len(block) + 16, len(block)) + block + payload
    return start + struct.pack(">I", zlib.crc32(start))


def event(payload, kind="chunk"):
    kinds = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(payload, *(header(name, STRING, value) for name, value in kinds.items()))


def read(stream, pieces):
    return [frame for piece in pieces for frame in stream.feed(piece)]


# --- messages ---------------------------------------------------------------------------------------------


def test_encoder_writes_what_amazon_does():
    assert message() == bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
    assert prelude(170, 82) == bytes.fromhex("000000aa 00000052 dad06886")


EVERY_TYPE = {
    "true": (BOOL, True),
    "false": (BOOL, False),
    "byte": (BYTE, -128),
    "short": (SHORT, -32768),
    "integer": (INTEGER, 2**31 - 1),
    "long": (LONG, -(2**63)),
    "bytes": (BYTES, b"\0\xff"),
    "no bytes": (BYTES, b""),
    "string": (STRING, "naïve 😀"),
    "empty string": (STRING, ""),
    "timestamp": (TIMESTAMP, 1_700_000_000_000),
    "uuid": (UUID, bytes(range(16))),
}


def test_every_type_of_header():
    wire = message(b"{}", *(header(name, *value) for name, value in EVERY_TYPE.items()))
    for pieces in chunkings(wire):
        assert read(AWSEventStream(), pieces) == [(b"{}", {name: value for name, (_, value) in EVERY_TYPE.items()})]


def test_messages_however_they_are_cut():
    wire = event(b'{"a":1}') + message() + event(b"", "end") + event(b"\0" * 20)
    for pieces in chunkings(wire):
        stream = AWSEventStream()
        frames = read(stream, pieces)
        assert [frame.payload for frame in frames] == [b'{"a":1}', b"", b"", b"\0" * 20]
        assert [frame.event_type for frame in frames] == ["chunk", "", "end", "chunk"]
        assert (stream.close(), stream.rest) == ([], b"")


def test_message_says_what_it_is():
    (frame,) = AWSEventStream().feed(event(b"{}", "messageStart"))
    assert (frame.message_type, frame.event_type, frame.exception_type) == ("event", "messageStart", "")
    assert frame.content_type == "application/json"
    assert (frame.event, frame.data) == ("messageStart", b"{}")


def test_exception_and_error_say_what_they_are():
    exception = {":message-type": "exception", ":exception-type": "throttlingException"}
    error = {":message-type": "error", ":error-code": "500", ":error-message": "oops"}
    for headers, name in ((exception, "throttlingException"), (error, "500")):
        frame = AWSMessage(b"", headers)
        assert (frame.message_type, frame.event_type) == (headers[":message-type"], "")
        assert (frame.exception_type, frame.event) == (name, name)


def test_message_without_headers_is_a_message():
    (frame,) = AWSEventStream().feed(message(b"x"))
    assert (frame.message_type, frame.event_type, frame.content_type, frame.event) == ("", "", "", "message")


def test_header_of_another_type_is_no_name():
    (frame,) = AWSEventStream().feed(message(b"", header(":event-type", INTEGER, 7)))
    assert frame.event_type == ""


def test_string_that_is_not_utf_8():
    (frame,) = AWSEventStream().feed(message(b"", b"\1\xff\7\0\2\xc3("))
    assert frame.headers == {"\ufffd": "\ufffd("}


def test_message_that_breaks_off_is_kept():
    wire = event(b"{}") + event(b'{"a":1}')
    for size in range(len(event(b"{}")), len(wire)):
        stream = AWSEventStream()
        assert len(stream.feed(wire[:size])) == 1
        assert stream.close() == []
        assert stream.rest == wire[len(event(b"{}")) : size]


def test_what_is_remembered_is_bounded():
    stream = AWSEventStream()
    for number in range(3 * MAX_KNOWN_HEADERS):
        (frame,) = stream.feed(message(b"", header("n", INTEGER, number)))
        assert frame.headers == {"n": number}
    stream.feed(message(b"", header("n", STRING, "x" * 5_000)))
    assert len(stream._known) == MAX_KNOWN_HEADERS


# --- what is wrong ----------------------------------------------------------------------------------------

FIRST = event(b"{}")


def wrong(*headers):
    return message(b"", *headers)


def flipped(wire, at):
    return wire[:at] + bytes([wire[at] ^ 1]) + wire[at:][1:]


WRONG = {
    "length": (flipped(FIRST, 2), "the prelude CRC of a message is 0x", 0),
    "length of the headers": (flipped(FIRST, 7), "the prelude CRC of a message is 0x", 0),
    "prelude crc": (flipped(FIRST, 11), "the prelude CRC of a message is 0x", 0),
    "header": (flipped(FIRST, 15), "the message CRC of a message is 0x", 0),
    "payload": (flipped(FIRST, len(FIRST) - 6), "the message CRC of a message is 0x", 0),
    "message crc": (flipped(FIRST, len(FIRST) - 1), "the message CRC of a message is 0x", 0),
    "html": (b"<!doctype html><html></html>", "the prelude CRC of a message is 0x", 0),
    "no room for the sums": (prelude(15, 0), "a message of 15 bytes cannot have 0 bytes of headers", 0),
    "no length": (prelude(0, 0), "a message of 0 bytes cannot have 0 bytes of headers", 0),
    "no room for the headers": (prelude(100, 85), "a message of 100 bytes cannot have 85 bytes of headers", 0),
    "same header twice": (wrong(header("a", BYTE, 1), header("a", BYTE, 2)), "header 'a' comes twice", 16),
    "unknown type": (wrong(b"\1a\x0a"), "header 'a' has a value of unknown type 10", 12),
    "name too long": (wrong(b"\5a"), "header 'a' ends past the headers", 12),
    "no type": (wrong(b"\1a"), "header 'a' ends past the headers", 12),
    "no length of a string": (wrong(b"\1a\7"), "header 'a' ends past the headers", 12),
    "string too long": (wrong(b"\1a\7\0\5bc"), "header 'a' ends past the headers", 12),
    "integer too long": (wrong(b"\1a\4\0\0"), "header 'a' ends past the headers", 12),
}


@pytest.mark.parametrize(("wire", "message", "offset"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_the_last_frame(wire, message, offset):
    for pieces in chunkings(FIRST + wire + FIRST):
        stream = AWSEventStream()
        before, error = read(stream, pieces)
        assert before.payload == b"{}"
        assert type(error) is FramingError
        assert str(error).startswith(message)
        assert error.offset == len(FIRST) + offset
        assert stream.feed(FIRST) == stream.close() == []
        assert (wire + FIRST).startswith(stream.rest)


TOO_LARGE = {
    "message": (prelude(201, 0), "message", 201),
    "length of gigabytes": (prelude(2**32 - 1, 0), "message", 2**32 - 1),
}


@pytest.mark.parametrize(("wire", "name", "size"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_limit_is_the_last_frame(wire, name, size):
    for pieces in chunkings(FIRST + wire + b"\0" * 50):
        stream = AWSEventStream(limit=200)
        before, error = read(stream, pieces)
        assert before.payload == b"{}"
        assert (type(error), error.name, error.size, error.limit) == (LimitError, name, size, 200)
        assert error.offset == len(FIRST)
        assert stream.feed(FIRST) == stream.close() == []


def test_limit_of_the_headers():
    (error,) = AWSEventStream().feed(prelude(2**20, MAX_HEADERS_BYTES + 1))
    assert (type(error), error.name, error.limit) == (LimitError, "headers", MAX_HEADERS_BYTES)


def test_limit_is_the_message_s_not_the_stream_s():
    wire = message(b"x" * 84) * 5
    for pieces in chunkings(wire):
        assert [frame.payload for frame in read(AWSEventStream(limit=100), pieces)] == [b"x" * 84] * 5


# --- recordings and the comparator ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def botocore():
    try:
        from botocore import eventstream
    except ImportError:
        missing("botocore, to compare with")
    return eventstream


def as_botocore_reads(botocore, wire):
    buffer = botocore.EventStreamBuffer()
    buffer.add_data(wire)
    return [(found.payload, found.headers) for found in buffer]


@EVERY_RECORDING
def test_recording_however_it_is_cut(stream, shared, botocore):
    wire = (CORPUS / stream["file"]).read_bytes()
    wanted = as_botocore_reads(botocore, wire)
    assert len(wanted) == stream["n_events"]
    for pieces in islice(chunkings(wire), 0, None, 10):
        reader = AWSEventStream()
        assert read(reader, pieces) == wanted
        assert reader.rest == b""
    assert read(AWSEventStream(), [wire[at : at + 1] for at in range(len(wire))]) == wanted


def integers(kind):
    bits = 8 * WIDTHS[kind]
    return st.tuples(st.just(kind), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))


A_VALUE = st.one_of(
    *map(integers, WIDTHS),
    st.tuples(st.just(BOOL), st.booleans()),
    st.tuples(st.just(BYTES), st.binary(max_size=20)),
    st.tuples(st.just(STRING), st.text(max_size=20)),
    st.tuples(st.just(UUID), st.binary(min_size=16, max_size=16)),
)
A_MESSAGE = st.builds(
    lambda payload, values: message(payload, *(header(name, *value) for name, value in values.items())),
    st.binary(max_size=30),
    st.dictionaries(st.text(min_size=1, max_size=20), A_VALUE, max_size=4),
)


@given(st.data())
def test_any_message_is_read_as_botocore_does(botocore, data):
    wire = b"".join(data.draw(st.lists(A_MESSAGE, max_size=4)))
    assert read(AWSEventStream(), data.draw(splits(wire))) == as_botocore_reads(botocore, wire)


# --- any bytes --------------------------------------------------------------------------------------------

PARTS = [event(b"{}"), message(), wrong(b"\1a\x0a"), prelude(40, 5), prelude(20, 0), prelude(999, 0), b"\0", b"\0" * 8]


def outcome(pieces):
    stream = AWSEventStream(limit=200)
    frames = read(stream, pieces)
    failed = bool(frames) and isinstance(frames[-1], FramingError)
    frames = [str(frame) if isinstance(frame, FramingError) else frame for frame in frames]
    return frames, None if failed else stream.rest


@given(st.data())
def test_cutting_changes_nothing(data):
    wire = data.draw(st.lists(st.sampled_from(PARTS)).map(b"".join) | st.binary())
    assert outcome(data.draw(splits(wire))) == outcome([wire])


# --- the short way ----------------------------------------------------------------------------------------


def test_short_way_takes_one_event():
    stream = AWSEventStream()
    assert stream.one(FIRST) is None
    frames = stream.feed(FIRST)
    assert stream.one(FIRST) == b"{}"
    assert stream.feed(FIRST) == frames  # for who cannot use it


REFUSED = [FIRST[:-1], FIRST + FIRST, message(), event(b"{}", "other"), flipped(FIRST, 11), flipped(FIRST, -1), b""]


@pytest.mark.parametrize("wire", [*REFUSED, message(b"{}", header(":message-type", STRING, "exception"))])
def test_short_way_takes_nothing_else(wire):
    stream = AWSEventStream()
    stream.feed(message(b"", header(":message-type", STRING, "exception")) + FIRST)
    assert stream.one(wire) is None


@pytest.mark.parametrize("short", [[FIRST], [FIRST, event(b"[]")]])
def test_short_way_is_counted_once(short):
    stream = AWSEventStream()
    stream.feed(FIRST)
    for wire in short:
        stream.one(wire)
    stream.feed(wire)
    [error] = stream.feed(flipped(FIRST, 2))
    assert error.offset == len(FIRST) * (1 + len(short))
