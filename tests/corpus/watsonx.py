"""Text generation of IBM watsonx."""

from streamfold.reply import Verdict

APIS = {("watsonx.generation", "sse")}

COUNTS = [None, ("generated_token_count",), None, None, None]

DIFFERENCES = {
    # The first chunk counts the prompt's tokens, the last one says 0, and only the last was looked at.
    "watsonx-watsonx.generation-generate-test-generate-text-stream.sse": {"usage": [8, 11, None, None, None]},
}

VERDICTS: dict[str, Verdict] = {}
OF_REASON = {
    "eos_token": {Verdict.COMPLETE},
    "stop_sequence": {Verdict.COMPLETE},
    "max_tokens": {Verdict.LENGTH},
    "token_limit": {Verdict.LENGTH},
}

ANOMALOUS: set[str] = set()
