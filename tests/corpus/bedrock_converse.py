"""Amazon Bedrock's Converse API."""

from streamfold.reply import Verdict

APIS = {("bedrock.converse", "aws-eventstream"), ("bedrock.converse", "json-lines")}

# The expectation's report is LangChain's, which fills in 0 where the provider counted no cached tokens.
COUNTS = [("input_tokens",), ("output_tokens",), ("total_tokens",), None, None]
OF_REASON = {
    "end_turn": {Verdict.COMPLETE},
    "max_tokens": {Verdict.LENGTH},
    "tool_use": {Verdict.TOOL_CALLS},
}


# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    # Nova executes the tool itself, and the accumulator makes a call without a name of it.
    "bedrock-bedrock.converse-chat-web-search-with-bedrock-amazon-nova-2-lite-v1-0-streams-grounded-turns.bin": {
        "tool_calls": []
    },
}
VERDICTS: dict[str, Verdict] = {}
ANOMALOUS: set[str] = set()
