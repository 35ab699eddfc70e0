"""Cohere's chat, version 1."""

from streamfold.reply import Verdict

APIS = {("cohere.v1", "ndjson")}

COUNTS = [
    ("tokens", "input_tokens"),
    ("tokens", "output_tokens"),
    None,
    ("cached_tokens",),
    None,
]

DIFFERENCES = {}
VERDICTS = {}
OF_REASON = {
    "COMPLETE": {Verdict.COMPLETE, Verdict.TOOL_CALLS},
    "MAX_TOKENS": {Verdict.LENGTH},
}

ANOMALOUS: set[str] = set()
