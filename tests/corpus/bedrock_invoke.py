"""Models invoked by their own format on Amazon Bedrock."""

from streamfold.reply import Verdict

APIS = {("bedrock.invoke", "aws-eventstream")}

COUNTS = [("input_tokens",), ("output_tokens",), None, ("cache_read_input_tokens",), None]
OF_REASON = {
    "end_turn": {Verdict.COMPLETE},
    "tool_use": {Verdict.TOOL_CALLS},
    "FINISH": {Verdict.COMPLETE},
    "LENGTH": {Verdict.LENGTH},
}

METRICS = ("inputTokenCount", "outputTokenCount", "totalTokenCount", "cacheReadInputTokenCount", "none")


def in_metrics(usage, expected):
    """Read the expectation's report as what it is here: Bedrock's metrics."""
    return [expected["usage"].get(name) for name in METRICS]


# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    "bedrock-bedrock.invoke-invoke-model-with-response-stream-handles-stream-error.bin": {"usage": in_metrics},
    "bedrock-bedrock.invoke-titan-invoke-stream-guardrail.bin": {"usage": in_metrics},
    "bedrock-bedrock.invoke-invoke-model-with-response-stream-with-content-tool-call-amazon-nova.bin": {
        "usage": in_metrics
    },
}
VERDICTS: dict[str, Verdict] = {}
ANOMALOUS: set[str] = set()
