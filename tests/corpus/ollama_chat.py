"""Ollama's native chat."""

from streamfold.reply import Verdict

APIS = {("ollama.chat", "ndjson")}

COUNTS = [("prompt_eval_count",), ("eval_count",), None, None, None]


def with_ids(calls, expected):
    """Return the calls with the ids on the wire, which the client passes over."""
    return [(f"call_REDACTED_{n}", *call[1:]) for n, call in zip((4, 1, 2, 3), calls, strict=True)]


DIFFERENCES = {
    "ollama-ollama.chat-streaming-grammar-same-tool-twice.ndjson": {"tool_calls": with_ids},
}

VERDICTS = {}
OF_REASON = {
    "stop": {Verdict.COMPLETE, Verdict.TOOL_CALLS},
    "length": {Verdict.LENGTH},
    None: {Verdict.COMPLETE, Verdict.TOOL_CALLS},
}

ANOMALOUS: set[str] = set()
