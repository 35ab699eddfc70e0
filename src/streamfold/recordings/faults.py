"""Spoil a stream on purpose: cut it into other pieces, break it off, or let it fall silent.

Pure: pieces of bytes with their times go in and come out; whoever sends them waits, breaks off or falls silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..errors import CallerError


class Piece(NamedTuple):
    """Bytes to be sent.

    Attributes:
        at: When, in seconds from the start.
        data: The bytes.
    """

    at: float
    data: bytes


class Ending(Enum):
    """How a stream ends for whom it is sent to."""

    END = "end"
    """As it did."""
    CUT = "cut"
    """It breaks off."""
    STALL = "stall"
    """Nothing more comes, and the connection stays."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a stream: so many bytes, or a share of all."""

    n_bytes: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that `text` names: ``120`` (bytes) or ``50%``.

        Raises:
            CallerError: It names none.
        """
        found = re.fullmatch(r"(\d{1,15})|(\d{1,3}(?:\.\d+)?)%", text)
        if found is None or (found[2] and float(found[2]) > 100):
            raise CallerError(f"{text!r} is no place in a stream: give bytes such as 120, or a share such as 50%")
        return cls(int(found[1])) if found[1] else cls(share=float(found[2]) / 100)

    def of(self, n_bytes: int) -> int:
        """Return the place in bytes, in a stream of `n_bytes`."""
        return min(n_bytes, self.n_bytes if self.n_bytes is not None else int(n_bytes * (self.share or 0)))


@dataclass(frozen=True, slots=True)
class Faults:
    """What is spoiled.

    Attributes:
        cut_at: Where it breaks off.
        stall_at: Where it falls silent.
        piece: How many bytes a piece has; 0 is all of them in one, ``None`` leaves the pieces as they came.
    """

    cut_at: Place | None = None
    stall_at: Place | None = None
    piece: int | None = None


CHUNKINGS = {"original": None, "whole": 0, "bytes": 1}


def chunking(text: str) -> int | None:
    """Return `Faults.piece` for ``original``, ``whole``, ``bytes`` or a number of bytes.

    Raises:
        CallerError: It is none of these.
    """
    if text in CHUNKINGS:
        return CHUNKINGS[text]
    if re.fullmatch(r"[1-9]\d{0,8}", text):
        return int(text)
    raise CallerError(f"{text!r} is no way to cut a stream: give original, whole, bytes, or a number of bytes")


def spoiled(pieces: Sequence[Piece], faults: Faults) -> tuple[list[Piece], Ending]:
    """Return the pieces that are left of `pieces`, and how they end."""
    n_bytes = sum(len(piece.data) for piece in pieces)
    ends = [(n_bytes, Ending.END)]
    if faults.cut_at is not None:
        ends.append((faults.cut_at.of(n_bytes), Ending.CUT))
    if faults.stall_at is not None:
        ends.append((faults.stall_at.of(n_bytes), Ending.STALL))
    limit, ending = ends[-1] if len(ends) == 2 else min(ends, key=lambda end: end[0])
    kept = list(_until(pieces, limit))
    return (kept if faults.piece is None else list(_recut(kept, faults.piece))), ending


def _until(pieces: Sequence[Piece], limit: int) -> Iterator[Piece]:
    for piece in pieces:
        if limit <= 0:
            return
        yield Piece(piece.at, piece.data[:limit])
        limit -= len(piece.data)


def _recut(pieces: Sequence[Piece], size: int) -> Iterator[Piece]:
    """Yield the same bytes in pieces of `size`, each at the time of its last byte; all in one for 0."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece.data
        n_whole = len(waiting) // size if size else 0
        for at in range(0, n_whole * size, size or 1):
            yield Piece(piece.at, bytes(waiting[at : at + size]))
        del waiting[: n_whole * size]
    if waiting:
        yield Piece(pieces[-1].at, bytes(waiting))
