"""What must hold of any text, any stops and any cuts; see `fuzz.fuzz_text`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

from streamfold.folding import Fold
from streamfold.folding.surrogates import replace_surrogates
from streamfold.reply import Verdict
from streamfold.stops import StopMatcher
from streamfold.tags import THINK, TagSplitter


def check_stops(text: str, stops: Sequence[str]) -> None:
    """Check what is found of `stops` in `text`, and what is shown until then."""
    found = _first(text, stops)
    for pieces in _cuttings(text):
        matcher = StopMatcher(stops)
        read, shown = "", ""
        for piece in pieces:
            shown += matcher.feed(piece)
            read += piece
            if matcher.match is None:
                assert shown + _may_become(read, stops) == read
        shown += matcher.close()
        if found is None:
            assert (matcher.match, shown) == (None, text)
        else:
            assert matcher.match is not None
            assert (matcher.match.offset, matcher.match.string, shown) == (*found, text[: found[0]])
    _check_fold(text, stops)


def check_tags(text: str) -> None:
    """Check that of `text` only tags are lost, and that the cuts do not matter."""
    whole = _split([text])
    for pieces in _cuttings(text):
        assert _split(pieces) == whole
    left = "".join(piece for _, piece in whole)
    assert _without_tags(left) == _without_tags(text)


def _check_fold(text: str, stops: Sequence[str]) -> None:
    wanted = None
    for pieces in _cuttings(text):
        fold = Fold(stops)
        shown = [one for piece in pieces for one in fold.feed([piece])] if text == replace_surrogates(text) else []
        shown += fold.close(Verdict.COMPLETE)
        reply = fold.reply
        assert "".join(one for one in shown if isinstance(one, str)) == reply.text
        said = (reply.text, reply.reasoning, reply.verdict, reply.stop and (reply.stop.string, reply.stop.offset))
        wanted = wanted or said
        assert said == wanted, (said, wanted)


def _first(text: str, stops: Sequence[str]) -> tuple[int, str] | None:
    """Return where the stop that ends first begins, and which it is: of several, the first in the list."""
    ends = [(text.find(stop) + len(stop), index) for index, stop in enumerate(stops) if stop in text]
    if not ends:
        return None
    end, index = min(ends)
    return end - len(stops[index]), stops[index]


def _may_become(read: str, stops: Sequence[str]) -> str:
    """Return the longest end of `read` that begins some stop."""
    longest = max((n for stop in stops for n in range(1, len(stop)) if read.endswith(stop[:n])), default=0)
    return read[len(read) - longest :]


def _split(pieces: Sequence[str]) -> list[tuple[bool, str]]:
    splitter = TagSplitter()
    found = [one for piece in pieces for one in splitter.feed(piece)] + splitter.close()
    joined: list[tuple[bool, str]] = []
    for is_reasoning, piece in found:
        if joined and joined[-1][0] is is_reasoning:
            piece = joined.pop()[1] + piece
        joined.append((is_reasoning, piece))
    return joined


def _without_tags(text: str) -> str:
    """Return the characters of `text` that stand in no tag, as far as taking tags out leaves any."""
    before = None
    while before != text:
        before = text
        for tag in THINK:
            text = text.replace(tag.open, "").replace(tag.close, "")
    return text


def _cuttings(text: str) -> list[list[str]]:
    marks = {zlib.crc32(text.encode("utf-8", "surrogatepass"), n) % (len(text) + 1) for n in range(5)}
    some = [text[start:end] for start, end in pairwise(sorted({0, *marks, len(text)}))]
    return [[text], list(text), some]
