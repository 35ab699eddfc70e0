"""OpenAI chat completions."""

import re

from streamfold.reply import Verdict

APIS = {
    ("openai.chat", "sse"),
    ("openai.chat", "json-lines"),
    ("mistral.chat", "sse"),
    ("mistral.chat", "json-lines"),
    ("writer.chat", "sse"),
}

COUNTS = [
    ("prompt_tokens",),
    ("completion_tokens",),
    ("total_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
]


def outside_tags(text, expected):
    return re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL)


def inside_tags(reasoning, expected):
    return "".join(re.findall(r"<think>(.*?)</think>", expected["text"], re.DOTALL))


THINK_TAGS = {"text": outside_tags, "reasoning": inside_tags}

# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    # It writes its reasoning into the text, in tags, which the accumulators leave there.
    "huggingface-openai.chat-hf-model-thinking-part-iter.sse": THINK_TAGS,
    # Its reasoning is in "reasoning_details" alone, which the accumulators pass over.
    "snowflake-openai.chat-thinking-streaming.sse": {"reasoning": "15 * 27 = 405"},
    # Groq sends usage under "x_groq", which the accumulators pass over.
    "groq-openai.chat-model-thinking-part-iter.sse": THINK_TAGS | {"usage": [21, 988, 1009, None, None]},
    "groq-openai.chat-model-web-search-tool-stream.sse": {"usage": [5003, 359, 5362, None, None]},
    # Another chunk follows the one with the usage: one accumulator believes only the last chunk.
    "litellm-proxy-openai.chat-completion-stream-multiple-choices-proxy.sse": {"usage": [13, 27, 40, None, None]},
    "openai-openai.chat-moderation-stream.sse": {"usage": [13, 11, 24, 0, 0]},
    # A tool without arguments: the accumulators leave null, we say what a caller can execute.
    "openai-openai.chat-tools-streaming-variant-d.sse": {"tool_calls": [("0", "llm_version", {})]},
}

# The verdict follows from the finish reason, but not here.
VERDICTS = {
    # llama-box reports an error in a field of its own, which the accumulators never see.
    "gpustack-openai.chat-chat-with-extended-thinking-gpustack-qwen3-streams-thinking-content-when-available.sse": (
        Verdict.ERRORED
    ),
    "groq-openai.chat-tool-use-failed-error-streaming-with-text.sse": Verdict.ERRORED,
}
OF_REASON = {
    "stop": {Verdict.COMPLETE, Verdict.REFUSED},
    "tool_calls": {Verdict.TOOL_CALLS},
    "length": {Verdict.LENGTH},
    "content_filter": {Verdict.FILTERED},
    None: {Verdict.COMPLETE},
}

ANOMALOUS: set[str] = set()
