"""Compare two recordings: what their replies say, how they ended, and when it came. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from ..reply import Reply
from .charts import seconds
from .facts import Facts

MAX_WORDS = 3_000
"""Bounds how much text is compared word by word, which costs its square; more is compared line by line."""

_ALIKE = 0.4
"""Texts with a smaller share in common are two answers, not one and its change: they are shown one after the other."""

_CONTEXT = 12
"""How many equal words are shown beside a difference."""


class Piece(NamedTuple):
    """A piece of text: in both (``" "``), only in the first (``"-"``), only in the second (``"+"``)."""

    sign: str
    text: str


class Row(NamedTuple):
    """A fact of both."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether they say different things."""
        return self.first != self.second


class Difference(NamedTuple):
    """What two recordings differ in.

    Attributes:
        facts: What their replies are: the verdict, the error, the tool calls.
        around: What stands around that: who answered in which words, and when; this always differs a little.
        texts: The channels of text, with their pieces; equal ones are one piece.
    """

    facts: list[Row]
    around: list[Row]
    texts: dict[str, list[Piece]]

    @property
    def is_same(self) -> bool:
        """Whether the replies say the same, whoever said it and whenever it came."""
        same = all(len(pieces) <= 1 and pieces[:1] != [] and pieces[0].sign == " " for pieces in self.texts.values())
        return same and not any(row.differs for row in self.facts)


def difference(first: Facts, second: Facts) -> Difference:
    """Return what `first` and `second` differ in."""
    facts = [*_rows(_said(first), _said(second)), *_calls(first.reply, second.reply)]
    around = list(_rows(_around(first), _around(second)))
    channels = ("text", "reasoning", "refusal")
    said = {name: (getattr(first.reply, name), getattr(second.reply, name)) for name in channels}
    return Difference(facts, around, {name: compared(*texts) for name, texts in said.items() if any(texts)})


def compared(first: str, second: str) -> list[Piece]:
    """Return the pieces of two texts."""
    if first == second:
        return [Piece(" ", first)]
    by_word = len(first) + len(second) <= MAX_WORDS * 10
    ones, others = (_words(text) if by_word else text.splitlines(keepends=True) for text in (first, second))
    matcher = SequenceMatcher(None, ones, others, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [piece for piece in (Piece("-", first), Piece("+", second)) if piece.text]
    pieces: list[Piece] = []
    for tag, from_one, to_one, from_other, to_other in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece(" ", "".join(ones[from_one:to_one])))
            continue
        pieces += [Piece("-", "".join(ones[from_one:to_one])), Piece("+", "".join(others[from_other:to_other]))]
    return [piece for piece in pieces if piece.text]


def shortened(pieces: list[Piece]) -> list[Piece]:
    """Return `pieces` with just the nearest words of what is equal."""
    found = []
    for at, piece in enumerate(pieces):
        words = _words(piece.text)
        if piece.sign == " " and len(words) > 2 * _CONTEXT + 4:
            head = "" if at == 0 else "".join(words[:_CONTEXT])
            tail = "" if at == len(pieces) - 1 else "".join(words[-_CONTEXT:])
            piece = Piece(" ", f"{head}[…]{tail}")
        found.append(piece)
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _rows(first: Iterator[tuple[str, str]], second: Iterator[tuple[str, str]]) -> Iterator[Row]:
    return (Row(name, one, other) for (name, one), (_, other) in zip(first, second, strict=True))


def _said(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "verdict", str(facts.reply.verdict)
    yield "error", str(facts.reply.error) if facts.reply.error else "–"


def _around(facts: Facts) -> Iterator[tuple[str, str]]:
    reply = facts.reply
    yield "finish reason", reply.finish_reason or "–"
    yield "model", reply.model or "–"
    yield "dialect", reply.dialect or "–"
    yield "output tokens", _count(reply.usage.output_tokens)
    yield "input tokens", _count(reply.usage.input_tokens)
    yield "to the first content", seconds(facts.to_first)
    yield "in all", seconds(facts.total)
    yield "speed", "–" if facts.per_second is None else f"{facts.per_second:,.1f} {facts.rate_unit}/s"
    for name in ("p50", "p95", "max"):
        yield f"gap {name}", seconds(facts.percentiles.get(name))
    yield "stalls", str(len(facts.stalls))
    yield "bytes", f"{facts.n_bytes:,}"
    yield "reads", f"{len(facts.reads):,}"


def _calls(first: Reply, second: Reply) -> Iterator[Row]:
    for place in range(max(len(first.tool_calls), len(second.tool_calls))):
        yield Row(f"tool call {place + 1}", _call(first, place), _call(second, place))


def _call(reply: Reply, place: int) -> str:
    calls = reply.tool_calls
    if place >= len(calls):
        return "–"
    call = calls[place]
    arguments: Any = call.parse() if call.complete else call.arguments
    return f"{call.name}({arguments}){'' if call.complete else ' incomplete'}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
