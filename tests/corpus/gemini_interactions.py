"""Gemini's Interactions API."""

from streamfold.reply import Verdict

APIS = {("gemini.interactions", "sse"), ("gemini.interactions", "json-lines")}

COUNTS = [
    ("total_input_tokens",),
    ("total_output_tokens",),
    ("total_tokens",),
    ("total_cached_tokens",),
    ("total_thought_tokens",),
]

DIFFERENCES = {}
VERDICTS = {}
OF_REASON = {
    "completed": {Verdict.COMPLETE},
    "requires_action": {Verdict.TOOL_CALLS},
    "incomplete": {Verdict.LENGTH},
}

ANOMALOUS: set[str] = set()
