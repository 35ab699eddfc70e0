"""Anthropic messages."""

from streamfold.reply import Verdict

APIS = {("anthropic.messages", "sse"), ("anthropic.messages", "json-lines")}

COUNTS = [
    ("input_tokens",),
    ("output_tokens",),
    None,
    ("cache_read_input_tokens",),
    ("output_tokens_details", "thinking_tokens"),
]

CUT_OFF = "anthropic-anthropic.messages-incomplete-partial-json-response.sse"
DUPLICATE = "anthropic-anthropic.messages-duplicate-message-start.jsonl"
SPLICED = "anthropic-anthropic.messages-spliced-message-start.jsonl"


def so_far(calls, expected):
    """Leave the arguments as they came: the accumulator completes what the length limit cut."""
    return [(id_, name, ARGUMENTS_SO_FAR) for id_, name, _ in calls]


ARGUMENTS_SO_FAR = (
    '{"filename": "taxes.txt", "lines_of_text": [\n"# COMPREHENSIVE TAX GUIDE FOR INDIVIDUALS WITH MULTIPLE W-2s",'
    '\n"",\n"## INTRODUCTION",\n"",\n"Filing taxes'
)

# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    CUT_OFF: {"tool_calls": so_far},
    # The accumulator adds the pieces of the second message to the blocks of the first, which have the same indices.
    SPLICED: {
        "tool_calls": [
            ("toolu_first", "test-tool", '{"value":"Spark'),
            ("toolu_second", "test-tool", {"value": "Sparkle Day"}),
        ]
    },
}

# The verdict follows from the stop reason; but here is a call that never ended.
VERDICTS = {SPLICED: Verdict.TOOL_CALLS}
OF_REASON = {
    "end_turn": {Verdict.COMPLETE},
    "max_tokens": {Verdict.LENGTH},
    "tool_use": {Verdict.TOOL_CALLS},
    "refusal": {Verdict.REFUSED},
}

# The last event of the other three has no blank line after it.
ANOMALOUS = {
    DUPLICATE,
    SPLICED,
    CUT_OFF,
    "anthropic-anthropic.messages-compaction-response.sse",
    "anthropic-anthropic.messages-tool-use-response.sse",
}
