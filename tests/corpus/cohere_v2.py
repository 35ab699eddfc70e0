"""Cohere's chat, version 2."""

from streamfold.reply import Verdict

APIS = {("cohere.v2", "sse"), ("cohere.v2", "json-lines")}

COUNTS = [
    ("tokens", "input_tokens"),
    ("tokens", "output_tokens"),
    None,
    ("cached_tokens",),
    ("tokens", "reasoning_tokens"),
]

DIFFERENCES = {
    # A tool without arguments: the accumulator leaves nothing, we say what a caller can execute.
    "cohere-cohere.v2-empty-tool-call.jsonl": {"tool_calls": [("currentTime_y46ar19t5gvw", "currentTime", {})]},
}
VERDICTS = {}
OF_REASON = {
    "COMPLETE": {Verdict.COMPLETE},
    "STOP_SEQUENCE": {Verdict.COMPLETE},
    "MAX_TOKENS": {Verdict.LENGTH},
    "TOOL_CALL": {Verdict.TOOL_CALLS},
}

ANOMALOUS: set[str] = set()
