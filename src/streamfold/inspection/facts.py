"""Read a recording and say what happened: a pure function from a `Recording` to `Facts`.

Times are seconds from the start of the recording. Content is what a reader waits for: text, reasoning, refusals, plans
and the pieces of tool calls. A gap is the time between two reads that brought content, as in `timing`, but exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..events import (
    Event,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..intake import Intake, Options
from ..recordings.source import Attempt, Recording
from ..reply import Reply
from ..reply.parts import ToolCall
from .statistics import Bin, histogram, percentile
from .timeline import Entry, timeline

STALL_SECONDS = 0.5
"""A gap of at least so long may be a stall."""

STALL_RATIO = 8.0
"""It is one if it is so many times as long as the median gap."""

RATE_BINS = 60
"""In how many spans of time the speed is told."""


@dataclass(slots=True)
class Mark:
    """A piece of content.

    Attributes:
        at: When it came.
        kind: ``text``, ``reasoning`` or ``tool``.
        text: The piece itself.
        gap: The time since the content before it; 0 within one read, ``None`` for the first.
    """

    at: float
    kind: str
    text: str
    gap: float | None


@dataclass(slots=True)
class Call:
    """A tool call, and when it began and ended."""

    call: ToolCall
    started_at: float
    ended_at: float


@dataclass(slots=True)
class Facts:
    """What a recording tells.

    Attributes:
        reply: What it folds into.
        to_response: From the request to the head of the response, where both were written down.
        to_first_byte: From the request to the first bytes.
        to_first: From the request to the first content; ``None`` if there was none.
        generating: From the first content to the last.
        total: From the request to the end.
        marks: The content.
        gaps: The gaps, in their order.
        percentiles: The gaps at 50, 90, 95 and 99 percent, and the longest.
        histogram: How many gaps are how long.
        rate: The speed over time: a moment, and how many a second around it.
        rate_unit: Of what: ``tokens``, where the provider counted them (spread evenly over the characters), else
            ``characters``.
        per_second: The speed over all, in that unit.
        stalls: When a stall began, and how long it lasted.
        reads: When each read came, and how many bytes it brought; no bytes where text or chunks were recorded.
        n_bytes: On the wire.
        n_content_bytes: Of the content, in UTF-8.
        calls: The tool calls.
        timeline: What happened, in order.
        attempts: How many requests it took.
    """

    reply: Reply
    to_response: float | None = None
    to_first_byte: float | None = None
    to_first: float | None = None
    generating: float = 0.0
    total: float = 0.0
    marks: list[Mark] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    percentiles: dict[str, float] = field(default_factory=dict)
    histogram: list[Bin] = field(default_factory=list)
    rate: list[tuple[float, float]] = field(default_factory=list)
    rate_unit: str = "characters"
    per_second: float | None = None
    stalls: list[tuple[float, float]] = field(default_factory=list)
    reads: list[tuple[float, int]] = field(default_factory=list)
    n_bytes: int = 0
    n_content_bytes: int = 0
    calls: list[Call] = field(default_factory=list)
    timeline: list[Entry] = field(default_factory=list)
    attempts: int = 1


def inspected(recording: Recording, options: Options) -> Facts:
    """Return what `recording` tells, folded with `options`."""
    own: Options = {"content_type": recording.content_type}
    intake = Intake(**(own | options))
    facts = Facts(intake.fold.reply, attempts=len(recording.attempts))
    watcher = _Watcher(facts)
    for chunk in recording.folded:
        watcher.take(chunk.at, intake.feed(chunk.data))
        if intake.fold.ended:
            break
    facts.reads = [(chunk.at, len(chunk.data) if isinstance(chunk.data, bytes) else 0) for chunk in recording.chunks]
    ended_at = _end_of(recording.last)
    how = recording.ending
    watcher.take(ended_at, intake.close(how.verdict, how.error) if how else intake.close())
    facts.reply = intake.fold.reply
    _measure(facts, recording.last, ended_at)
    facts.timeline = timeline(facts, recording, ended_at)
    return facts


class _Watcher:
    """Notes the content that each read brings."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._last: float | None = None  # when content came last
        self._gap: float | None = None  # what the next piece of this read waited
        self._begun: dict[tuple[int, int], float] = {}

    def take(self, at: float, events: Sequence[Event | str]) -> None:
        """Note the content in `events`, which one read brought at `at`."""
        self._gap = None if self._last is None else at - self._last
        n_before = len(self._facts.marks)
        for event in events:
            self._note(at, event)
        if len(self._facts.marks) > n_before:
            if self._last is not None:
                self._facts.gaps.append(at - self._last)
            self._last = at

    def _note(self, at: float, event: Event | str) -> None:
        match event:
            case str():
                self._mark(at, "text", event)
            case TextDelta() | RefusalDelta():
                self._mark(at, "text", event.text)
            case ReasoningDelta() | PlanDelta():
                self._mark(at, "reasoning", event.text)
            case ToolCallStart():
                self._begun[event.choice, event.index] = at
                self._mark(at, "tool", "")
            case ToolCallDelta():
                self._mark(at, "tool", event.arguments)
            case ToolCallEnd():
                begun = self._begun.get((event.choice, event.index), at)
                self._facts.calls.append(Call(event.call, begun, at))

    def _mark(self, at: float, kind: str, text: str) -> None:
        self._facts.marks.append(Mark(at, kind, text, self._gap))
        self._gap = 0.0


def _end_of(attempt: Attempt) -> float:
    last = attempt.chunks[-1].at if attempt.chunks else attempt.answered_at or attempt.at
    return last if attempt.ended_at is None else max(attempt.ended_at, last)


def _measure(facts: Facts, attempt: Attempt, ended_at: float) -> None:
    start = attempt.at
    facts.total = ended_at - start
    if attempt.request is not None and attempt.answered_at is not None:
        facts.to_response = attempt.answered_at - start
    facts.to_first_byte = facts.reads[0][0] - start if facts.reads else None
    facts.n_bytes = sum(size for _, size in facts.reads)
    facts.n_content_bytes = sum(len(mark.text.encode("utf-8", "replace")) for mark in facts.marks)
    if facts.marks:
        facts.to_first = facts.marks[0].at - start
        facts.generating = facts.marks[-1].at - facts.marks[0].at
    ordered = sorted(facts.gaps)
    if ordered:
        shares = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
        facts.percentiles = {name: percentile(ordered, share) for name, share in shares.items()}
        facts.percentiles["max"] = ordered[-1]
        facts.histogram = histogram(ordered)
    _measure_speed(facts)
    _find_stalls(facts)


def _measure_speed(facts: Facts) -> None:
    """Measure the speed over all and over time. The first read is not counted: waiting for it is no speed."""
    first = facts.marks[0].at if facts.marks else 0.0
    n_all = sum(len(mark.text) for mark in facts.marks)
    n_later = sum(len(mark.text) for mark in facts.marks if mark.at > first)
    if not (n_later and facts.generating):
        return
    tokens = facts.reply.usage.output_tokens
    facts.rate_unit = "characters" if tokens is None else "tokens"
    each = 1.0 if tokens is None else tokens / n_all
    facts.per_second = n_later * each / facts.generating
    width = facts.generating / RATE_BINS
    amounts = [0.0] * RATE_BINS
    for mark in facts.marks:
        if mark.at > first:
            amounts[min(RATE_BINS - 1, int((mark.at - first) / width))] += len(mark.text) * each
    facts.rate = [(first + (at + 0.5) * width, amount / width) for at, amount in enumerate(_smooth(amounts))]


def _smooth(amounts: list[float]) -> list[float]:
    """Return each amount as the mean of it and its neighbours: a bin may be shorter than a gap."""
    padded = [amounts[0], *amounts, amounts[-1]]
    return [sum(padded[at : at + 3]) / 3 for at in range(len(amounts))]


def _find_stalls(facts: Facts) -> None:
    if not facts.percentiles:
        return
    limit = max(STALL_SECONDS, STALL_RATIO * facts.percentiles["p50"])
    facts.stalls = [
        (mark.at - mark.gap, mark.gap) for mark in facts.marks if mark.gap is not None and mark.gap >= limit
    ]
