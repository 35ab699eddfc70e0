"""Keep of a reply what the next request needs, part by part: its text alone would lose the tool calls and the seals."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from ..reply import Choice, Reply, Verdict
from ..reply.as_dict import PART_TYPES
from ..reply.parts import MediaPart, Part

_CLASSES: dict[str, type[Part]] = {name: kind for kind, name in PART_TYPES.items()}


def saved(reply: Reply) -> str:
    """Return the first choice of `reply` as JSON, with what `Reply.to_openai` and `Reply.to_anthropic` look at."""
    return json.dumps(
        {
            "parts": reply.to_dict()["choices"][0]["parts"],
            "id": reply.id,
            "dialect": reply.dialect,
            "finish_reason": reply.finish_reason,
            "verdict": reply.verdict,
        },
        ensure_ascii=False,
    )


def restored(text: str) -> Reply:
    """Return the reply that `saved` made `text` of."""
    kept: dict[str, Any] = json.loads(text)
    choice = Choice(parts=[_part(**part) for part in kept["parts"]], finish_reason=kept["finish_reason"])
    return Reply(Verdict(kept["verdict"]), [choice], id=kept["id"], dialect=kept["dialect"])


def _part(type: str, **values: Any) -> Part:
    kind = _CLASSES[type]
    if kind is MediaPart:
        values["data"] = b64decode(values["data"])
    return kind(**values)
