"""Every way to cut a text or a wire that is worth a test."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

Data = TypeVar("Data", str, bytes)

MAX_CUTS = 200
"""How many 2-splits of one input are tried: all of them up to this length, then a sample."""


def chunkings(data: Data) -> Iterator[list[Data]]:
    """Yield `data` whole, one unit at a time, in two pieces every way, and in pieces of 2, 3 and 7 units.

    A unit is a character or a byte, so the cuts of bytes fall inside UTF-8 sequences and between CR and LF.
    The sample of a long input favours these.
    """
    yield [data]
    for size in (1, 2, 3, 7):
        if size == 1 or size < len(data):
            yield [data[at : at + size] for at in range(0, len(data), size)]
    for cut in _cuts(data):
        yield [data[:cut], data[cut:]]


def splits(data: Data) -> st.SearchStrategy[list[Data]]:
    """Draw a way to cut `data` anywhere; a str also into empty pieces (an empty read of bytes is the end)."""
    if isinstance(data, str):
        cuts = st.lists(st.integers(0, len(data)), max_size=12)
    elif len(data) > 1:
        cuts = st.lists(st.integers(1, len(data) - 1), max_size=12, unique=True)
    else:
        cuts = st.just([])
    return cuts.map(lambda drawn: _pieces(data, sorted(drawn)))


def _pieces(data: Data, cuts: list[int]) -> list[Data]:
    ends = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


def _cuts(data: str | bytes) -> list[int]:
    cuts = range(1, len(data))
    if len(cuts) <= MAX_CUTS:
        return list(cuts)
    random = Random(len(data))
    seams = [cut for cut in cuts if _is_seam(data, cut)]
    chosen = random.sample(seams, min(len(seams), MAX_CUTS // 2))
    return sorted({*chosen, *random.sample(cuts, MAX_CUTS - len(chosen))})


def _is_seam(data: str | bytes, cut: int) -> bool:
    """Tell whether a cut parts what belongs together: a UTF-8 sequence, a CRLF, two line ends."""
    if isinstance(data, str):
        return data[cut] in "\r\n"
    return data[cut] in b"\r\n" or 0x80 <= data[cut] < 0xC0
