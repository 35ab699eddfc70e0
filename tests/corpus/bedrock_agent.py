"""Amazon Bedrock's agents."""

from streamfold.reply import Verdict

APIS = {("bedrock.agent", "aws-eventstream")}
COUNTS = [None] * 5

# An agent marks no end: one that answered and was not cut inside of a message is complete.
OF_REASON = {None: {Verdict.COMPLETE}}
DIFFERENCES: dict[str, dict] = {}
VERDICTS: dict[str, Verdict] = {}
ANOMALOUS: set[str] = set()
