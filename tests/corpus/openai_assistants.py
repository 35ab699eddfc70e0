"""OpenAI assistants."""

from streamfold.reply import Verdict

APIS = {("openai.assistants", "sse")}

COUNTS = [
    ("prompt_tokens",),
    ("completion_tokens",),
    ("total_tokens",),
    ("prompt_token_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
]

DIFFERENCES: dict[str, dict[str, object]] = {}
VERDICTS: dict[str, Verdict] = {}
OF_REASON = {"completed": {Verdict.COMPLETE}}
ANOMALOUS: set[str] = set()
