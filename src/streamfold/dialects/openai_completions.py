"""OpenAI's legacy completions, as spoken by OpenAI, vLLM, llama.cpp, TGI, OpenRouter and many gateways.

The wire, over server-sent events::

    data: {"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":"Hel","logprobs":null}]}
    data: {"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":"lo","finish_reason":null}]}
    data: {"id":"c1","object":"text_completion","model":"m","choices":[{"index":0,"text":"","finish_reason":"stop"}]}
    data: {"id":"c1","object":"text_completion","model":"m","choices":[],"usage":{"prompt_tokens":9}}
    data: [DONE]

A choice is text and nothing else; with ``echo`` it begins with the prompt. A reply that was not streamed is one such
chunk, without ``[DONE]``. Gateways that make it of a chat say the finish reason of a choice with a ``delta`` in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import ReasoningDelta, TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, Logprobs
from ..reply import Verdict
from .fields import count, get, objects, text, word
from .json_dialect import JSONDialect
from .openai_chat import MAX_NAMELESS, VERDICTS, usage_of
from .provider_errors import find_error, provider_error


class _PlainChoice(msgspec.Struct, gc=False):
    text: str
    index: Literal[0] = 0
    finish_reason: None = None
    logprobs: None = None
    reasoning: None = None
    delta: None = None
    error: None = None


class _PlainChunk(msgspec.Struct, gc=False):
    choices: tuple[_PlainChoice]
    usage: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


class OpenAICompletions(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_completions"

    def __init__(self) -> None:
        super().__init__()
        self.is_named = False
        self._n_nameless = 0  # chunks that did not say who answers

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        if text(value.get("object")).startswith("text_completion"):
            return True
        choices = list(objects(value.get("choices")))
        return any("text" in choice and not choice.keys() & {"delta", "message"} for choice in choices)

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that a plain chunk consists of."""
        return _decode_plain(data).choices[0].text or None

    def read(self, chunk: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`."""
        identity = Identity(*(word(chunk.get(name)) for name in ("id", "model", "system_fingerprint")))
        deltas.append(identity)
        self._n_nameless += 1
        self.is_named = self.is_named or bool(identity.id and identity.model) or self._n_nameless >= MAX_NAMELESS
        for choice in objects(chunk.get("choices")):
            _read_choice(choice, deltas)
        usage = chunk.get("usage")
        if isinstance(usage, Mapping):
            deltas.append(usage_of(usage))
        error = chunk.get("error") if "choices" in chunk else find_error(chunk)
        if error:
            deltas.append(provider_error(error, chunk))


def _read_choice(choice: Mapping[str, Any], deltas: list[Delta]) -> None:
    index = count(choice.get("index")) or 0
    if reasoning := text(choice.get("reasoning")):  # OpenRouter
        deltas.append(ReasoningDelta(reasoning, index))
    words = text(choice.get("text")) or text(get(choice, "delta", "content"))
    if words or index:
        deltas.append(TextDelta(words, index))  # another choice is there even if it says nothing yet
    logprobs = choice.get("logprobs")
    if isinstance(logprobs, Mapping):  # a list of objects in "content" (llama.cpp), or lists side by side
        entries = logprobs.get("content")
        deltas.append(Logprobs(entries if isinstance(entries, list) else [logprobs], index))
    if error := choice.get("error"):
        deltas.append(provider_error(error, choice))
    if reason := word(choice.get("finish_reason")):
        deltas.append(ChoiceEnd(reason, VERDICTS.get(reason.lower(), Verdict.COMPLETE), index))
