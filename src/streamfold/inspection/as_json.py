"""Say the facts as JSON-able values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..recordings.source import Recording
from .facts import Facts


def facts_json(facts: Facts, recording: Recording) -> dict[str, Any]:
    """Return all that was found; times are seconds from the start of the recording."""
    timing = ("to_response", "to_first_byte", "to_first", "generating", "total")
    return {
        "head": dict(recording.head),
        "request": recording.last.request,
        "response": recording.last.response,
        "attempts": facts.attempts,
        "torn_bytes": recording.torn,
        "verdict": facts.reply.verdict,
        "timing": {name: getattr(facts, name) for name in timing},
        "speed": {"unit": facts.rate_unit, "per_second": facts.per_second, "over_time": facts.rate},
        "gaps": {"percentiles": facts.percentiles, "histogram": [one._asdict() for one in facts.histogram]},
        "stalls": [{"at": at, "seconds": length} for at, length in facts.stalls],
        "wire": {"reads": len(facts.reads), "bytes": facts.n_bytes, "content_bytes": facts.n_content_bytes},
        "timeline": [asdict(entry) for entry in facts.timeline],
        "reply": facts.reply.to_dict(),
    }
