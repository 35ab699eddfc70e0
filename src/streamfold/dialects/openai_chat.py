"""OpenAI chat completions, as spoken by OpenAI and nearly everybody else.

The wire, over server-sent events::

    data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}
    data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
    data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}
    data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
    data: {"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}
    data: [DONE]

Strategy: nearly every chunk is a piece of text or reasoning of choice 0 and nothing else. `_PlainChunk` is a type that
only such a chunk fits, so one typed decode both reads and tests it. Whatever does not fit is decoded again, untyped,
and read field by field with every provider's quirks; where many chunks do not fit, the typed attempts are given up.
Only what no chunk in the middle of a text says is left to the untyped way: who answers, and the usage that two
providers put elsewhere than in ``usage``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from ..events import Details, ReasoningDelta, RefusalDelta, TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, Logprobs, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import MediaPart, ReasoningPart, TextPart
from ..reply.usage import Usage
from .fields import blob, count, dumped, get, media, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_NoText = Annotated[str, msgspec.Meta(max_length=0)]
_NoItems = Annotated[list[Any], msgspec.Meta(max_length=0)]


class _NoLogprobs(msgspec.Struct, gc=False):
    content: None = None


class _NoGraphData(msgspec.Struct, gc=False):
    sources: _NoItems | None = None


class _PlainDelta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: _NoItems | None = None
    refusal: _NoText | None = None
    function_call: None = None
    reasoning_details: _NoItems | None = None
    reasoning_text: None = None
    thinking: None = None
    graph_data: _NoGraphData | None = None
    annotations: _NoItems | None = None
    images: _NoItems | None = None
    audio: None = None


class _PlainChoice(msgspec.Struct, gc=False):
    delta: _PlainDelta
    index: Literal[0] = 0
    finish_reason: None = None
    logprobs: _NoLogprobs | None = None
    error: None = None


class _PlainChunk(msgspec.Struct, gc=False):
    choices: tuple[_PlainChoice]
    usage: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode

VERDICTS = {
    "length": Verdict.LENGTH,
    "max_tokens": Verdict.LENGTH,
    "model_length": Verdict.LENGTH,
    "tool_calls": Verdict.TOOL_CALLS,
    "function_call": Verdict.TOOL_CALLS,
    "tool_use": Verdict.TOOL_CALLS,
    "content_filter": Verdict.FILTERED,
    "safety": Verdict.FILTERED,
    "recitation": Verdict.FILTERED,
    "sensitive": Verdict.FILTERED,
    "refusal": Verdict.REFUSED,
    "abort": Verdict.CANCELLED,
    "cancelled": Verdict.CANCELLED,
    "insufficient_system_resource": Verdict.TRUNCATED,
    "network_error": Verdict.TRUNCATED,
    "error": Verdict.ERRORED,
}
"""What a finish reason means. Beside OpenAI's own: Mistral (model_length), TGI and Together (eos, eos_token,
stop_sequence), Anthropic and Google behind a proxy, Zhipu (sensitive, network_error), DeepSeek
(insufficient_system_resource), OpenRouter (error), WebLLM and vLLM (abort). Any other is an end like "stop"."""

MAX_NAMELESS = 16
"""Bounds how long the typed attempts wait for a chunk that says who answers, which only the untyped way reads."""


class OpenAIChat(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_chat"

    def __init__(self) -> None:
        super().__init__()
        self._n_chunks = 0
        self._citations: list[Any] = []
        self._audio = bytearray()
        self._n_named = 0
        self.is_named = False

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        if str(value.get("object")).startswith("chat.completion"):
            return True
        choices = list(objects(value.get("choices")))
        return any("delta" in choice or "message" in choice for choice in choices)

    def plain(self, data: bytes) -> Delta | None:
        """Return the text or the reasoning that a plain chunk consists of."""
        delta = _decode_plain(data).choices[0].delta
        reasoning = delta.reasoning_content or delta.reasoning
        if not reasoning:
            return delta.content or None
        if delta.content:
            raise ValueError
        return ReasoningDelta(reasoning)

    def close(self) -> list[Delta]:
        """Return the sound that came in pieces, and the citations that were repeated."""
        kept: list[Delta] = []
        if self._citations:
            kept.append(Details(TextPart, {"citations": self._citations}))
        if self._audio:
            kept.append(WholePart(MediaPart("", bytes(self._audio))))
        self._citations, self._audio = [], bytearray()
        return kept

    def read(self, chunk: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`."""
        identity = Identity(*(word(chunk.get(name)) for name in ("id", "model", "system_fingerprint")))
        deltas.append(identity)
        for choice in objects(chunk.get("choices")):
            _read_choice(choice, deltas)
            self._audio += blob(get(choice, "delta", "audio", "data")) or b""
        self._n_named += identity.id is not None or identity.model is not None
        self._n_chunks += 1
        self.is_named = self._n_named > 1 or self._n_chunks > MAX_NAMELESS
        if isinstance(citations := chunk.get("search_results") or chunk.get("citations"), list):
            self._citations = citations  # Perplexity: the whole list in every chunk; xAI: in the last one
        usage = chunk.get("usage") or get(chunk, "x_groq", "usage")  # Groq
        if isinstance(usage, Mapping):
            deltas.append(usage_of(usage))
        error = chunk.get("error") if "choices" in chunk else find_error(chunk)
        if error:
            deltas.append(provider_error(error, chunk))


def _read_choice(choice: Mapping[str, Any], deltas: list[Delta]) -> None:
    index = count(choice.get("index")) or 0
    n_before = len(deltas)
    # A reply that was not streamed says "message"; Perplexity says both, and "message" is then the text so far.
    delta = choice.get("delta") or (choice.get("message") if "delta" not in choice else None)
    if isinstance(delta, Mapping):
        _read_delta(delta, index, deltas)
    logprobs = get(choice, "logprobs", "content")
    if isinstance(logprobs, list) and logprobs:
        deltas.append(Logprobs(logprobs, index))
    if error := choice.get("error"):
        deltas.append(provider_error(error, choice))
    usage = choice.get("usage")  # Moonshot
    if isinstance(usage, Mapping):
        deltas.append(usage_of(usage))
    if reason := word(choice.get("finish_reason")):
        deltas.append(ChoiceEnd(reason, VERDICTS.get(reason.lower(), Verdict.COMPLETE), index))
    if index and len(deltas) == n_before:
        deltas.append(TextDelta("", index))  # it is there, even if it says nothing yet


def _read_delta(delta: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    if reasoning := _reasoning(delta):
        deltas.append(ReasoningDelta(reasoning, index))
    details = [detail for detail in objects(delta.get("reasoning_details")) if "type" in detail]  # OpenRouter
    if details:
        deltas.append(Details(ReasoningPart, {"details": details}, index))
    for detail in details:
        seals = {"signature": word(detail.get("signature")), "redacted": word(detail.get("data"))}
        if any(seals.values()):
            deltas.append(Details(ReasoningPart, {name: seal for name, seal in seals.items() if seal}, index))
    content = delta.get("content")
    for part in content if isinstance(content, list) else (content,):
        _read_content(part, index, deltas)
    if sources := list(objects(get(delta, "graph_data", "sources"))):  # Writer
        deltas.append(Details(TextPart, {"citations": sources}, index))
    if transcript := text(get(delta, "audio", "transcript")):  # a spoken answer: what it says is its text
        deltas.append(TextDelta(transcript, index))
    if annotations := list(objects(delta.get("annotations"))):  # OpenAI's web search, OpenRouter
        deltas.append(Details(TextPart, {"citations": annotations}, index))
    for image in objects(delta.get("images")):  # OpenRouter
        if part := media(get(image, "image_url", "url")):
            deltas.append(WholePart(part, index))
    if refusal := text(delta.get("refusal")):
        deltas.append(RefusalDelta(refusal, index))
    for call in objects(delta.get("tool_calls")):
        deltas.append(_tool_call(call, call.get("function"), index))
    if legacy := delta.get("function_call"):
        deltas.append(_tool_call({}, legacy, index))


def _read_content(part: Any, index: int, deltas: list[Delta]) -> None:
    if isinstance(part, str) and part:
        deltas.append(TextDelta(part, index))
    elif isinstance(part, Mapping):
        if words := text(part.get("text")):
            deltas.append(TextDelta(words, index))
        if reasoning := _reasoning(part):
            deltas.append(ReasoningDelta(reasoning, index))
        if signature := word(part.get("signature")):  # Mistral
            deltas.append(Details(ReasoningPart, {"signature": signature}, index))
        if part.get("type") in ("reference", "tool_reference"):  # Mistral
            deltas.append(Details(TextPart, {"citations": [part]}, index))


def _reasoning(delta: Mapping[str, Any]) -> str:
    """Return the reasoning in `delta`, which providers spell differently, and some in two spellings at once."""
    # DeepSeek, vLLM, xAI | OpenRouter, Groq, Ollama | Copilot | Mistral, in a list of parts
    for name in ("reasoning_content", "reasoning", "reasoning_text", "thinking"):
        value = delta.get(name)
        if isinstance(value, str) and value:
            return value
        if joined := "".join([text(part.get("text")) for part in objects(value)]):
            return joined
    # OpenRouter, Snowflake
    return "".join([text(d.get("text")) or text(d.get("summary")) for d in objects(delta.get("reasoning_details"))])


def _tool_call(call: Mapping[str, Any], function: Any, choice: int) -> ToolCallPiece:
    arguments = get(function, "arguments")
    if isinstance(arguments, Mapping):  # as an object, not as text: Ollama-like servers
        arguments = dumped(arguments)
    return ToolCallPiece(
        count(call.get("index")),
        word(call.get("id")),
        word(get(function, "name")),
        arguments if isinstance(arguments, str) else None,
        choice,
    )


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Return a usage report."""
    details = usage.get("prompt_tokens_details") or usage.get("prompt_token_details")  # Writer
    cached = get(details, "cached_tokens")
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        total_tokens=count(usage.get("total_tokens")),
        cached_tokens=count(cached if cached is not None else usage.get("prompt_cache_hit_tokens")),  # DeepSeek
        reasoning_tokens=count(get(usage, "completion_tokens_details", "reasoning_tokens")),
        raw=usage,
    )
