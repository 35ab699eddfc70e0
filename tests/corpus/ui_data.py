"""Data stream v1 of the Vercel AI SDK."""

from streamfold.reply import Verdict

APIS = {("aisdk-data-v1", "prefixed-lines")}

COUNTS = [("promptTokens",), ("completionTokens",), None, None, None]

DIFFERENCES: dict[str, dict[str, object]] = {}

VERDICTS: dict[str, Verdict] = {}
OF_REASON = {
    "stop": {Verdict.COMPLETE},
    "tool-calls": {Verdict.TOOL_CALLS},
    "length": {Verdict.LENGTH},
    "content-filter": {Verdict.FILTERED},
    "error": {Verdict.ERRORED},
}

ANOMALOUS: set[str] = set()
