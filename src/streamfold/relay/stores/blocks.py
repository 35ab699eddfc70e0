"""How a store writes a stream down: its state as one value, and the records of one append as one block."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..rules.stream import Stream

encode_stream = msgspec.msgpack.Encoder().encode
decode_stream = msgspec.msgpack.Decoder(Stream).decode
_encode_records = msgspec.msgpack.Encoder().encode
from_block = msgspec.msgpack.Decoder(list[bytes]).decode


def to_block(records: Sequence[bytes]) -> bytes:
    """Return the records of one append as one value."""
    return _encode_records(records)


def take(blocks: Sequence[tuple[int, bytes]], stream: Stream, after: int, limit: int) -> list[bytes]:
    """Return records of a stream from its blocks: those that follow the first `after`, within a limit.

    Args:
        blocks: In order, each with the number of its last record; the first may begin before `after`.
        stream: The state: what it does not count is not there, and what it inherited is not here.
        after: How many records precede.
        limit: In bytes; one record is returned whatever its size.
    """
    taken: list[bytes] = []
    if after < stream.inherited:
        return taken
    for last, block in blocks:
        records = from_block(block)
        for record in records[max(0, after - (last - len(records))) : len(records) - max(0, last - stream.tail)]:
            if taken and len(record) > limit:
                return taken
            limit -= len(record)
            taken.append(record)
    return taken
