"""Tell what happened in a recorded stream, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..recordings.source import Attempt, Recording

if TYPE_CHECKING:
    from .facts import Facts


@dataclass(slots=True)
class Entry:
    """A line of the timeline.

    Attributes:
        at: When.
        what: What happened, in two words or so.
        detail: What else is to say.
        is_trouble: Whether it is a stall, an anomaly or an error.
    """

    at: float
    what: str
    detail: str = ""
    is_trouble: bool = False


def timeline(facts: Facts, recording: Recording, ended_at: float) -> list[Entry]:
    """Return the timeline of `recording`, of which `facts` are known; the reading ended at `ended_at`."""
    entries = [entry for number, attempt in enumerate(recording.attempts, 1) for entry in _asked(attempt, number)]
    if facts.reads:
        at, size = facts.reads[0]
        entries.append(Entry(at, "first bytes", f"{size:,} bytes" if size else ""))
    kinds = {mark.kind: mark for mark in reversed(facts.marks) if mark.kind != "tool"}
    entries += [Entry(mark.at, f"first {kind}") for kind, mark in kinds.items()]
    entries += [Entry(at, "stall", f"{seconds:.2f} s without content", True) for at, seconds in facts.stalls]
    for call in facts.calls:
        entries.append(Entry(call.started_at, "call begins", call.call.name))
        state = "whole" if call.call.complete else "incomplete"
        detail = f"{call.call.name}: {state}, {len(call.call.arguments):,} characters of arguments"
        entries.append(Entry(call.ended_at, "call ends", detail, not call.call.complete))
    if facts.marks:
        entries.append(Entry(facts.marks[-1].at, "last content"))
    entries += _ended(facts, recording, ended_at)
    return sorted(entries, key=lambda entry: entry.at)


def _asked(attempt: Attempt, number: int) -> list[Entry]:
    entries = []
    if attempt.request is not None:
        detail = f"{attempt.request.get('method')} {attempt.request.get('url')}"
        entries.append(Entry(attempt.at, "request" if number == 1 else f"attempt {number}", detail))
    if attempt.answered_at is not None and attempt.response is not None:
        detail = f"{attempt.response.get('status')} {attempt.response.get('content_type') or ''}".strip()
        entries.append(Entry(attempt.answered_at, "response", detail))
    return entries


def _ended(facts: Facts, recording: Recording, at: float) -> list[Entry]:
    reply = facts.reply
    entries = [Entry(at, "anomaly", sentence, True) for sentence in reply.anomalies]
    if recording.torn:
        entries.append(Entry(at, "torn", f"{recording.torn:,} bytes of a last write that was cut off", True))
    if reply.error:
        entries.append(Entry(at, "error", str(reply.error), True))
    reason = f"the provider says {reply.finish_reason}" if reply.finish_reason else ""
    return [*entries, Entry(at, str(reply.verdict), reason)]
