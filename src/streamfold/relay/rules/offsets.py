"""Offsets: where a reader stands, as the opaque token of the protocol (Durable Streams 8).

An offset is the number of records before it, then the bytes of the next one that are read, which is always 0 here; both
have 16 digits, so that tokens sort as the positions do. It comes from a counter, never from a clock.
"""

from __future__ import annotations

import re

from ..errors import BadRequestError

START = "-1"
NOW = "now"
_TOKEN = re.compile(r"([0-9]{16})_0{16}")


def to_offset(position: int) -> str:
    """Return the token of a position: how many records precede it."""
    return f"{position:016d}_{0:016d}"


def from_offset(token: str) -> int:
    """Return the position of a token that `to_offset` made.

    Raises:
        BadRequestError: It is not one of ours.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise BadRequestError(f"malformed offset: {token[:64]!r}")
    return int(found[1])
