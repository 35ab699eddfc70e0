"""Anthropic's legacy text completions."""

from streamfold.reply import Verdict

APIS = {("anthropic.complete", "sse")}
COUNTS = [None] * 5
OF_REASON = {"stop_sequence": {Verdict.COMPLETE}}
DIFFERENCES: dict[str, dict] = {}
VERDICTS: dict[str, Verdict] = {}
ANOMALOUS: set[str] = set()
