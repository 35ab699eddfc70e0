"""Model Context Protocol, streamable HTTP."""

from streamfold.reply import Verdict

APIS = {("mcp.streamable-http", "sse")}

COUNTS = [None] * 5

DIFFERENCES: dict[str, dict[str, object]] = {}

VERDICTS: dict[str, Verdict] = {}
OF_REASON = {None: {Verdict.COMPLETE}}

ANOMALOUS: set[str] = set()
