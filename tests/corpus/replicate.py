"""Predictions on Replicate."""

from streamfold.reply import Verdict

APIS = {("replicate.stream", "sse")}

COUNTS = [None] * 5

DIFFERENCES: dict[str, dict[str, object]] = {}

VERDICTS: dict[str, Verdict] = {}
OF_REASON = {"done": {Verdict.COMPLETE}, "canceled": {Verdict.CANCELLED}}

ANOMALOUS: set[str] = set()
