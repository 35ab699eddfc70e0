"""OpenAI responses."""

from streamfold.reply import Verdict

APIS = {("openai.responses", "sse"), ("openai.responses", "json-lines")}

COUNTS = [
    ("input_tokens",),
    ("output_tokens",),
    ("total_tokens",),
    ("input_tokens_details", "cached_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
]

# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    # Four responses one after the other, which a client's loop received: the first ends the stream.
    "azure-openai.responses-reasoning-encrypted-content-1.jsonl": {
        "text": "",
        "tool_calls": [("call_UdvUeOElp5zdU0DKr6IoyhjE", "calculator", {"a": 12, "b": 7, "op": "add"})],
        "usage": [137, 28, 165, 0, 0],
    },
    # Its final response has no output, which is all that the accumulator looks at; the items were streamed.
    "chatgpt-codex-openai.responses-reasoning-session-two-tool-calls-streaming.sse": {
        "tool_calls": [
            ("call_REDACTED_1", "get_weather", {"city": "Tokyo"}),
            ("call_REDACTED_2", "get_weather", {"city": "Paris"}),
        ]
    },
}
VERDICTS: dict[str, Verdict] = {}
OF_REASON = {
    "completed": {Verdict.COMPLETE, Verdict.TOOL_CALLS},
    "incomplete": {Verdict.LENGTH},
}
ANOMALOUS: set[str] = set()
