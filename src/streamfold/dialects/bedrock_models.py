"""The formats that models speak only on Amazon Bedrock, where they are invoked by their own: text and little else.

The objects, one for each piece of the text (`bedrock_invoke` takes them out of its chunks) or for all of it::

    Titan    {"outputText":"Hi","index":0,"totalOutputTextTokenCount":2,"completionReason":"FINISH",
              "inputTextTokenCount":9}
    Llama    {"generation":"Hi","prompt_token_count":9,"generation_token_count":2,"stop_reason":"stop"}
    Mistral  {"outputs":[{"text":"Hi","stop_reason":"stop"}]}
    Mistral  {"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"stop_reason":"stop"}]}
    DeepSeek {"choices":[{"text":"Hi","stop_reason":"stop"}]}
    Cohere   {"generations":[{"text":"Hi","finish_reason":"COMPLETE","is_finished":true,"index":0}]}
             {"text":"Hi","finish_reason":"COMPLETE","is_finished":true,"index":0}

They differ in the names of a few fields alone, so one table reads all. Not streamed, Titan's and Cohere's text is in a
list ("results", "generations"). Fields as in the "Inference request parameters and response fields" of Bedrock's guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..events import TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, ToolCallPiece
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, dumped, get, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_LISTS = ("results", "outputs", "generations", "choices")
_TEXTS = ("outputText", "generation", "text")
_REASONS = ("completionReason", "stop_reason", "finish_reason")
_INPUTS = ("inputTextTokenCount", "prompt_token_count")
_OUTPUTS = ("totalOutputTextTokenCount", "generation_token_count")

_VERDICTS = {
    "length": Verdict.LENGTH,
    "max_tokens": Verdict.LENGTH,
    "tool_calls": Verdict.TOOL_CALLS,
    "content_filtered": Verdict.FILTERED,
    "error_toxic": Verdict.FILTERED,
    "error": Verdict.ERRORED,
}


class BedrockModels(JSONDialect):
    """Turn the objects of one reply into deltas."""

    NAME = "bedrock_models"

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        if "outputText" in value or ("generation" in value and "stop_reason" in value) or _is_cohere(value):
            return True
        return any(map(_is_item, _items(value)))

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an object says to `deltas`."""
        deltas.append(Identity(word(value.get("id")), word(value.get("model"))))
        for item in list(_items(value)) or [value]:
            _read_item(item, deltas)
        usage = Usage(_count(value, _INPUTS), _count(value, _OUTPUTS))
        if (usage.input_tokens, usage.output_tokens) != (None, None):
            usage.raw = {name: value[name] for name in (*_INPUTS, *_OUTPUTS) if name in value}
            deltas.append(usage)
        if error := find_error(value):
            deltas.append(provider_error(error, value))


def _items(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (item for name in _LISTS for item in objects(value.get(name)))


def _is_item(item: Mapping[str, Any]) -> bool:
    # OpenAI's choices always have a finish reason, some of vLLM's a stop reason beside it.
    return "completionReason" in item or _is_cohere(item) or ("stop_reason" in item and "finish_reason" not in item)


def _is_cohere(item: Mapping[str, Any]) -> bool:
    return "text" in item and "is_finished" in item and "event_type" not in item  # which Cohere's own API has


def _read_item(item: Mapping[str, Any], deltas: list[Delta]) -> None:
    choice = count(item.get("index")) or 0
    message = item.get("message")
    said = next((found for found in (item.get(name) for name in _TEXTS) if isinstance(found, str)), None)
    if words := said or text(get(message, "content")):
        deltas.append(TextDelta(words, choice))
    for index, call in enumerate(objects(get(message, "tool_calls"))):
        arguments = get(call, "function", "arguments")
        if isinstance(arguments, Mapping):
            arguments = dumped(arguments)
        name = word(get(call, "function", "name"))
        deltas.append(ToolCallPiece(index, word(call.get("id")), name, text(arguments), choice))
    if reason := next((found for found in (word(item.get(name)) for name in _REASONS) if found), None):
        deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason.lower(), Verdict.COMPLETE), choice))


def _count(value: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((n for n in (count(value.get(name)) for name in names) if n is not None), None)
