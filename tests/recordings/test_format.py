"""The format of a recording: what is written is read again, however the file is cut, torn or damaged."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import FramingError, LimitError
from streamfold.recordings.format import MAGIC, MAX_RECORD_BYTES, Record, RecordReader, encode, is_recording

from ..chunkings import chunkings, splits

RECORDS = [
    Record("head", 0, b'{"by":"streamfold"}'),
    Record("response", 312_041, b'{"status":200}'),
    Record("read", 482_113, b'data: {"a":"\xff\r\n\n'),
    Record("text", 500_000, "é".encode()),
    Record("read", 500_001, b""),
    Record("end", 931_500, b'{"reading":"exhausted"}'),
]
FILE = MAGIC + b"".join(encode(record.kind, record.at, record.data) for record in RECORDS)


def read(pieces):
    reader = RecordReader()
    return [record for piece in pieces for record in reader.feed(piece)], reader.rest


@pytest.mark.parametrize("pieces", list(chunkings(FILE)), ids=len)
def test_a_file_is_read_however_it_is_cut(pieces):
    assert read(pieces) == (RECORDS, b"")


def test_a_torn_last_write_loses_only_itself():
    ends = [len(MAGIC)]
    for record in RECORDS:
        ends.append(ends[-1] + len(encode(record.kind, record.at, record.data)))
    for size in range(len(FILE)):
        records, rest = read([FILE[:size]])
        whole = sum(end <= size for end in ends[1:])
        assert records == RECORDS[:whole]
        assert len(rest) == (size - ends[whole] if size >= len(MAGIC) else size)


def test_each_damaged_byte_is_found():
    for at in range(len(FILE)):
        damaged = FILE[:at] + bytes([FILE[at] ^ 1]) + FILE[at + 1 :]
        records, rest = read([damaged])
        assert records != RECORDS
        good = [record for record in records if not isinstance(record, FramingError)]
        assert good == RECORDS[: len(good)]
        assert rest or isinstance(records[-1], FramingError)


def test_what_was_on_the_wire_stands_in_the_file_as_it_was():
    assert RECORDS[2].data in FILE


def test_values_become_json():
    records, _ = read([MAGIC + encode("chunk", 5, {"a": b"\x00", "b": "\ud83d", "c": object})])
    assert records[0].value == {"a": "AA==", "b": "\ud83d", "c": "<class 'object'>"}


def test_text_may_hold_half_of_a_pair():
    records, _ = read([MAGIC + encode("text", 0, "a\ud83d")])
    assert records[0].text == "a\ud83d"


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (b"read 0 %d 00000000\n" % (MAX_RECORD_BYTES + 1), LimitError),
        (b"read 0 3 00000000\nabc\n", FramingError),
        (b"READ 0 3 00000000\n", FramingError),
        (b"x" * 64, FramingError),
        (b"read 0 1 " + b"0" * 60 + b"\n", FramingError),
    ],
)
def test_what_is_no_record_is_an_error_with_its_place(tail, kind):
    records, _ = read([FILE + tail])
    assert records[:-1] == RECORDS
    assert type(records[-1]) is kind
    assert records[-1].offset == len(FILE)
    reader = RecordReader()
    reader.feed(FILE + tail)
    assert reader.feed(FILE) == []


def test_another_version_is_told():
    records, _ = read([b"streamfold recording 2\nhead"])
    assert "another version" in str(records[0])
    assert "no recording" in str(read([b"data: {}\n\n"])[0][0])


@pytest.mark.parametrize(
    ("start", "is_one"),
    [
        (FILE, True),
        (b"s", True),
        (b"streamfold recording 9\n", True),
        (b"", False),
        (b"data:", False),
        (b"strea:", False),
    ],
)
def test_recordings_are_known_by_their_start(start, is_one):
    assert is_recording(start) is is_one


@given(st.data(), st.lists(st.tuples(st.integers(0, 10**12), st.binary(max_size=40)), max_size=5))
def test_any_bytes_come_back(data, reads):
    file = MAGIC + b"".join(encode("read", at, content) for at, content in reads)
    records, rest = read(data.draw(splits(file)))
    assert ([(record.at, record.data) for record in records], rest) == (reads, b"")


def test_the_sample_in_the_specification_is_one():
    text = (Path(__file__).parents[2] / "docs" / "recordings.md").read_text("utf-8")
    start = text.index(f"    {MAGIC.decode()}")
    sample = text[start : text.index("\nWhy", start)].replace("\n    ", "\n").removeprefix("    ")
    records, rest = read([sample.encode()])
    assert [record.kind for record in records] == ["head", "read", "end"]
    assert rest == b""
