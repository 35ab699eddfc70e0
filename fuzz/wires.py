r"""The wires to start from, and how they come apart into frames and together again.

A seed is ``seeds/<name>.<framing>``, a small stream written by hand. That of an AWS event stream is kept, and mutated,
as lines of ``event-type payload``: `encoded` makes the binary messages, with right sums, which no mutation of the bytes
would get past. In the payload, an object under ``bytes`` stands for its base64 (Bedrock's invoke).
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"

_OVERHEAD = 16
_LINE_OF_AWS = re.compile(rb"[A-Za-z:]")
_FRAME = {
    "sse": re.compile(rb".*?(?:\n\n|\r\n\r\n|\r\r|\Z)", re.DOTALL),
    "json_array": re.compile(rb".*?(?:\}\s*[,\]]|\Z)", re.DOTALL),
    "json_body": re.compile(rb".*", re.DOTALL),
}
_LINE = re.compile(rb".*?(?:\n|\Z)", re.DOTALL)


def seeds(name: str = "*", framing: str = "*") -> list[Path]:
    """Return the seeds of a dialect, or of a framing."""
    return sorted(SEEDS.glob(f"{name}.{framing}"))


def framing_of(seed: Path) -> str:
    """Return the framing of `seed`."""
    return seed.suffix.removeprefix(".")


def frames(wire: bytes, framing: str) -> list[bytes]:
    """Return `wire` in pieces, roughly one for each frame: joined, they are `wire`."""
    pattern = _FRAME.get(framing, _LINE)
    return [piece for piece in pattern.findall(wire) if piece]


def cut_at_frames(wire: bytes) -> list[bytes]:
    """Return `wire` in reads of one frame each, as servers send it; roughly, where it is one array."""
    if wire.startswith(b"\0"):
        return list(_messages(wire))
    is_sse = b"\n\n" in wire or b"\r\n\r\n" in wire
    return frames(wire, "sse" if is_sse else "ndjson") or [wire]


def encoded(text: bytes, framing: str) -> bytes:
    """Return the bytes that `text`, a seed or what became of one, stands for: `text` itself but for AWS."""
    if framing != "aws_eventstream" or not _LINE_OF_AWS.match(text):
        return text
    return b"".join(map(_message, filter(None, text.split(b"\n"))))


def resealed(wire: bytes) -> bytes:
    """Return `wire` with the sums of an AWS event stream set right, as far as its lengths lead."""
    wire, at = bytearray(wire), 0
    while at + 12 <= len(wire):
        (total,) = struct.unpack_from(">I", wire, at)
        struct.pack_into(">I", wire, at + 8, zlib.crc32(wire[at : at + 8]))
        if total < 16 or at + total > len(wire):
            break
        struct.pack_into(">I", wire, at + total - 4, zlib.crc32(wire[at : at + total - 4]))
        at += total
    return bytes(wire)


def cut(wire: bytes, size: int) -> list[bytes]:
    """Return `wire` in pieces of `size` bytes."""
    return [wire[at : at + size] for at in range(0, len(wire), size)]


def cut_anywhere(wire: bytes, n_cuts: int = 6) -> list[bytes]:
    """Return `wire` cut where its own bytes say, so that the same input is always cut the same."""
    marks = {zlib.crc32(wire, n) % (len(wire) + 1) for n in range(n_cuts)}
    return [wire[start:end] for start, end in pairwise(sorted({0, *marks, len(wire)}))]


def _messages(wire: bytes) -> Iterator[bytes]:
    """Yield the messages of an AWS event stream, as far as its lengths lead; then the rest."""
    while len(wire) > _OVERHEAD:
        total = max(_OVERHEAD, int.from_bytes(wire[:4]))
        yield wire[:total]
        wire = wire[total:]
    if wire:
        yield wire


def _message(line: bytes) -> bytes:
    name, _, payload = line.partition(b" ")
    name = name[:255]
    kind, exception = (b":event-type", b"event") if b"xception" not in name else (b":exception-type", b"exception")
    headers = b"".join(map(_header, (kind, b":message-type"), (name, exception)))
    payload = _with_base64(payload)
    start = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start += struct.pack(">I", zlib.crc32(start)) + headers + payload
    return start + struct.pack(">I", zlib.crc32(start))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"\7" + struct.pack(">H", len(value)) + value


def _with_base64(payload: bytes) -> bytes:
    try:
        value = json.loads(payload)
        if not (isinstance(value, dict) and isinstance(value.get("bytes"), dict)):
            return payload
        inner = json.dumps(value["bytes"]).encode()
    except (ValueError, RecursionError):
        return payload
    return json.dumps(value | {"bytes": base64.b64encode(inner).decode()}).encode()
