"""UI message stream v1 of the Vercel AI SDK."""

from streamfold.reply import Verdict

APIS = {("aisdk-ui", "sse")}

COUNTS = [("inputTokens",), ("outputTokens",), ("totalTokens",), ("cachedInputTokens",), ("reasoningTokens",)]

DIFFERENCES = {
    # The SDK lists the calls of the provider's own tools with the others; we keep them apart, in server_tool_calls.
    "aisdk-aisdk-ui.v1-from-openai-responses-web-search-tool-stream-openai-gpt-4o-responses.sse": {"tool_calls": []},
}

VERDICTS: dict[str, Verdict] = {}
OF_REASON = {
    "stop": {Verdict.COMPLETE},
    "tool-calls": {Verdict.TOOL_CALLS},
    "length": {Verdict.LENGTH},
    "content-filter": {Verdict.FILTERED},
    "error": {Verdict.ERRORED},
}

ANOMALOUS: set[str] = set()
