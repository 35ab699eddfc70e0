"""Text completions of Writer."""

from streamfold.reply import Verdict

APIS = {("writer.completions", "sse")}

COUNTS = [None] * 5

DIFFERENCES: dict[str, dict[str, object]] = {}

VERDICTS: dict[str, Verdict] = {}
# Nothing in the stream says that it is whole.
OF_REASON = {None: {Verdict.TRUNCATED}}

ANOMALOUS: set[str] = set()
