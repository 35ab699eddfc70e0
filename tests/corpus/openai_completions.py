"""OpenAI's legacy completions."""

from streamfold.reply import Verdict

from .openai_chat import COUNTS as COUNTS

APIS = {("openai.completions", "sse")}

# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    # It ends with a choice that has no index, which the accumulator takes for another one.
    "openai-compat-proxy-openai.completions-completions-test-completion-streaming.sse": {"finish_reason": "stop"},
}
VERDICTS: dict[str, Verdict] = {}
OF_REASON = {"stop": {Verdict.COMPLETE}, "length": {Verdict.LENGTH}}
ANOMALOUS: set[str] = set()
