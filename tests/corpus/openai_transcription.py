"""OpenAI's transcription of speech."""

from streamfold.reply import Verdict

APIS = {("openai.transcription", "sse")}

COUNTS = [("input_tokens",), ("output_tokens",), ("total_tokens",), None, None]

DIFFERENCES: dict[str, dict[str, object]] = {}
VERDICTS: dict[str, Verdict] = {}
OF_REASON = {None: {Verdict.COMPLETE}}
ANOMALOUS: set[str] = set()
