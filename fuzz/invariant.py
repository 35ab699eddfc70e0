"""What must hold of any input at all, whoever made it.

- Out come a `Reply` with a verdict, and errors of our tree as values in it; nothing is raised.
- The deltas handed out add up to the reply: its text, its reasoning, the arguments of its calls.
- The same bytes cut elsewhere are the same reply, and so it is read untyped.
- A reply is valid Unicode, and can be looked at: `Reply.to_dict`, `ToolCall.parse`, `Reply.raise_for_verdict`.
- Time is linear: four times the frames take at most `MAX_GROWTH` times as long, a byte at most `MAX_SECONDS_A_BYTE`.

The checks raise AssertionError. They need no fuzzer: the tests run them over the seeds and over what was found.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from streamfold import fold
from streamfold.decoder import Decoder
from streamfold.detection import dialect_named
from streamfold.dialects.json_dialect import MAX_MISSES, JSONDialect
from streamfold.errors import FramingError, StreamfoldError
from streamfold.events import ReasoningDelta, StreamEnd, TextDelta, ToolCallDelta, ToolCallEnd
from streamfold.folding import Fold, Shown
from streamfold.framing import FRAMINGS, Framing
from streamfold.reply import Reply, Verdict

from .wires import cut, cut_anywhere, cut_at_frames, frames

MAX_BYTEWISE = 512
"""Up to so many bytes, an input is also read byte by byte."""

MAX_SECONDS_A_BYTE = 500e-6
"""Generous by a hundred times, for a slow machine and the instrumentation."""

FREE_SECONDS = 1.0
"""What an input of any length may take: a first import, a pause of the machine."""

GROWN = 400
"""How many copies of some frames make the shorter of the two inputs whose times are compared."""

MAX_GROWTH = 10.0
"""Four times the frames: linear is 4, quadratic 16."""

MIN_SECONDS = 0.1
"""Less than that says nothing about growth."""

MAX_TRIES = 8
"""Only what is slow each time is slow."""

OPTIONS: tuple[dict[str, Any], ...] = ({}, {"raw": True}, {"stop": ["lo", '"}', "\n\n", "\ufffd"]}, {"tags": ()})
"""How a stream is folded; the input itself says which."""


def check_wire(wire: bytes, dialect: str | None = None) -> Reply:
    """Check a whole stream, whose dialect is named or has to be found."""
    options = OPTIONS[zlib.crc32(wire) % len(OPTIONS)]
    started = time.process_time()
    reply = _folded([wire], dialect, options)
    wanted = told(reply)
    for pieces in _cuttings(wire):
        other = told(_folded(pieces, dialect, options))
        assert other == wanted, f"cut into {len(pieces)}, {different(other, wanted)}"
    driven = told(fold(cut_at_frames(wire), dialect=dialect, **options))
    assert driven == wanted, f"driven, {different(driven, wanted)}"
    if dialect is not None:
        words, others = _words(reply), _words(_folded([wire], _untyped(dialect), options))
        assert others == words, f"untyped it is {others!r}, not {words!r}"
    _check_time(time.process_time() - started, len(wire))
    return reply


def check_framing(wire: bytes, name: str) -> None:
    """Check what a framing alone makes of a stream."""
    started = time.process_time()
    wanted = _framed([wire], name)
    for pieces in _cuttings(wire):
        other = _framed(pieces, name)
        assert other == wanted, f"cut into {len(pieces)}: {other!r}, not {wanted!r}"
    _check_time(time.process_time() - started, len(wire))


def check_growth(wire: bytes, framing: str, dialect: str | None = None) -> None:
    """Check that time is linear in the number of frames, by saying some of them over and over."""
    pieces = frames(wire, framing)
    start = zlib.crc32(wire) % max(len(pieces), 1)
    window = b"".join(pieces[start : start + 1 + zlib.crc32(wire, 1) % 3])
    head, tail = b"".join(pieces[:start]), b"".join(pieces[start:])

    def seconds(n_copies: int) -> float:
        grown = [head, *[window] * n_copies, tail]
        started = time.process_time()
        _folded(grown, dialect, {})
        return time.process_time() - started

    short = long = math.inf
    for _ in range(MAX_TRIES):  # a pause of the machine only ever adds
        short, long = min(short, seconds(GROWN)), min(long, seconds(4 * GROWN))
        if long < MIN_SECONDS or long < MAX_GROWTH * short:
            return
    raise AssertionError(f"four times the frames took {long / short:.1f} times as long")


def told(reply: Reply) -> dict[str, str]:
    """Return all that must not depend on the cuts, as it is spelled: so a NaN equals itself."""
    facts = {
        "choices": reply.choices,
        "verdict": reply.verdict,
        "stop": reply.stop and (reply.stop.string, reply.stop.offset),
        "usage": reply.usage,
        "who": (reply.id, reply.model, reply.fingerprint),
        "error": (type(reply.error), str(reply.error)),
        "anomalies": reply.anomalies,
        "leftover": reply.leftover if reply.verdict is Verdict.TRUNCATED else b"",
    }
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * limit)  # what a provider nested as deeply as can be read
    try:
        return {name: repr(fact) for name, fact in facts.items()}
    finally:
        sys.setrecursionlimit(limit)


def _words(reply: Reply) -> list[object]:
    """Return what must not depend on how frames are decoded, even where a stream contradicts itself."""
    return [reply.verdict, *((one.index, one.text, one.reasoning, one.finish_reason) for one in reply.choices)]


def different(found: dict[str, str], wanted: dict[str, str]) -> str:
    """Return how `found` differs from `wanted`."""
    return "; ".join(f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name])


def check_reply(reply: Reply, shown: Shown) -> None:
    """Check that `shown` adds up to `reply`, and that it can be looked at."""
    assert isinstance(reply.verdict, Verdict)
    assert reply.error is None or isinstance(reply.error, StreamfoldError), repr(reply.error)
    assert (reply.verdict is Verdict.ERRORED) == (reply.error is not None), (reply.verdict, reply.error)
    assert [type(one) for one in shown].count(StreamEnd) == 1
    assert isinstance(shown[-1], StreamEnd)
    _check_sums(reply, shown)
    json.dumps(reply.to_dict())
    _check_unicode([reply.id, reply.model, reply.fingerprint, reply.finish_reason, str(reply.error), *reply.anomalies])
    for choice in reply.choices:
        for part in choice.parts:
            _check_unicode(getattr(part, name) for name in part.__dataclass_fields__ if name != "content")
        for call in choice.tool_calls:
            if call.complete:
                call.parse()
    try:
        reply.raise_for_verdict()
    except StreamfoldError as error:
        str(error)


def _check_unicode(values: Iterable[object]) -> None:
    """Check what is ours. What is kept as it came may hold half a character."""
    for value in values:
        if isinstance(value, str):
            value.encode()


def _check_sums(reply: Reply, shown: Shown) -> None:
    text: dict[int, str] = defaultdict(str)
    reasoning: dict[int, str] = defaultdict(str)
    arguments: dict[tuple[int, int], str] = defaultdict(str)
    for one in shown:
        match one:
            case str():
                text[0] += one
            case TextDelta():
                text[one.choice] += one.text
            case ReasoningDelta():
                reasoning[one.choice] += one.text
            case ToolCallDelta():
                arguments[one.choice, one.index] += one.arguments
            case ToolCallEnd():
                received = arguments[one.choice, one.index]
                assert one.call.arguments == received or (one.call.arguments == "{}" and not received.strip())
    for choice in reply.choices:
        assert choice.text == text[choice.index]
        assert choice.reasoning == reasoning[choice.index]


def _untyped(name: str) -> JSONDialect:
    """Return the dialect as it is once it has given up to decode frames into types."""
    dialect = dialect_named(name)()
    dialect.n_misses = MAX_MISSES
    return dialect


def _folded(pieces: Sequence[bytes], dialect: JSONDialect | str | None, options: dict[str, Any]) -> Reply:
    decoder = Decoder(Fold(**options), dialect=dialect)
    shown: Shown = []
    for piece in pieces:
        shown += decoder.feed(piece)
    shown += decoder.close()
    assert decoder.close() == []
    reply = decoder.fold.reply
    check_reply(reply, shown)
    return reply


def _framed(pieces: Sequence[bytes], name: str) -> tuple[list[object], bytes]:
    framing: Framing = getattr(import_module(f"streamfold.framing.{name}"), FRAMINGS[name])()
    found = [frame for piece in pieces for frame in framing.feed(piece)]
    found += framing.close()
    errors = [frame for frame in found if isinstance(frame, FramingError)]
    assert errors in ([], found[-1:]), errors
    frames = [(type(frame), str(frame)) if isinstance(frame, FramingError) else frame for frame in found]
    return frames, b"" if errors else framing.rest


def _cuttings(wire: bytes) -> list[list[bytes]]:
    cuttings = [cut_anywhere(wire), cut_at_frames(wire)]
    if len(wire) <= MAX_BYTEWISE:
        cuttings.append(cut(wire, 1))
    return cuttings


def _check_time(seconds: float, size: int) -> None:
    assert seconds < FREE_SECONDS + MAX_SECONDS_A_BYTE * size, f"{seconds:.1f} s for {size:,} bytes"
