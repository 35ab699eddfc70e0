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
from ..reply.parts import MediaPart, ServerToolCall, ServerToolResult, TextPart
from ..reply.usage import Usage
from .chat_reasoning import read_reasoning, read_thinking
from .fields import blob, count, dumped, get, media, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_NoText = Annotated[str, msgspec.Meta(max_length=0)]
_NoItems = Annotated[list[Any], msgspec.Meta(max_length=0)]


class _NoLogprobs(msgspec.Struct, gc=False):
    content: None = None
    refusal: None = None


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
    thinking_blocks: _NoItems | None = None
    executed_tools: _NoItems | None = None


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

_KEPT = {"image_url", "document_url", "input_audio", "file", "tool_file", "resource", "resource_link"}
"""Parts of a message that are neither text nor reasoning."""

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
        self._executed: set[tuple[int, int | None]] = set()  # tools of Groq's that were told of, by choice and index
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
            delta = _delta_of(choice)
            if "executed_tools" in delta:
                self._read_executed(delta["executed_tools"], count(choice.get("index")) or 0, deltas)
            _read_choice(choice, delta, deltas)
            if "audio" in delta:
                self._audio += blob(get(delta, "audio", "data")) or b""
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
            deltas += [*self.close(), provider_error(error, chunk)]

    def _read_executed(self, tools: Any, choice: int, deltas: list[Delta]) -> None:
        """Append the tools that Groq ran itself. A call comes again with what it gave."""
        for tool in objects(tools):
            name, at = word(tool.get("type")) or "tool", (choice, count(tool.get("index")))
            if at not in self._executed:
                self._executed.add(at)
                deltas.append(WholePart(ServerToolCall(None, name, text(tool.get("arguments")), complete=True), choice))
            if tool.get("output") is not None:
                deltas.append(WholePart(ServerToolResult(None, name, tool), choice))


def _delta_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    # A reply that was not streamed says "message"; Perplexity says both, and "message" is then the text so far.
    delta = choice.get("delta") or (choice.get("message") if "delta" not in choice else None)
    return delta if isinstance(delta, Mapping) else {}


def _read_choice(choice: Mapping[str, Any], delta: Mapping[str, Any], deltas: list[Delta]) -> None:
    index = count(choice.get("index")) or 0
    n_before = len(deltas)
    _read_delta(delta, index, deltas)
    if logprobs := choice.get("logprobs"):
        _read_logprobs(logprobs, index, deltas)
    if error := choice.get("error"):
        deltas.append(provider_error(error, choice))
    usage = choice.get("usage")  # Moonshot
    if isinstance(usage, Mapping):
        deltas.append(usage_of(usage))
    if reason := word(choice.get("finish_reason")):
        deltas.append(ChoiceEnd(reason, VERDICTS.get(reason.lower(), Verdict.COMPLETE), index))
    if index and len(deltas) == n_before:
        deltas.append(TextDelta("", index))  # it is there, even if it says nothing yet


def _read_logprobs(logprobs: Any, index: int, deltas: list[Delta]) -> None:
    for name in ("content", "refusal"):
        entries = get(logprobs, name)
        if isinstance(entries, list) and entries:
            deltas.append(Logprobs(entries, index))


def _read_delta(delta: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    read_reasoning(delta, index, deltas)
    content = delta.get("content")
    for part in content if isinstance(content, list) else (content,):
        read_content(part, index, deltas)
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
        deltas.append(tool_call(call, call.get("function"), index))
    if legacy := delta.get("function_call"):
        deltas.append(tool_call({}, legacy, index))


def read_content(part: Any, index: int, deltas: list[Delta]) -> None:
    """Append what the content of a message, or one of its parts, says."""
    if isinstance(part, str) and part:
        deltas.append(TextDelta(part, index))
    elif isinstance(part, Mapping):
        if words := text(part.get("text")):
            deltas.append(TextDelta(words, index))
        read_thinking(part, index, deltas)
        kind = text(part.get("type"))
        if kind in ("reference", "tool_reference"):  # Mistral, as are the next
            deltas.append(Details(TextPart, {"citations": [part]}, index))
        elif kind in _KEPT:
            found = media(get(part, kind, "url") or part.get(kind))
            deltas.append(WholePart(found or ServerToolResult(None, kind, part), index))


def tool_call(call: Mapping[str, Any], function: Any, choice: int) -> ToolCallPiece:
    """Return the piece of a tool call that `call` is, whose name and arguments are in `function`."""
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
    cached, reasoning = get(details, "cached_tokens"), get(usage, "completion_tokens_details", "reasoning_tokens")
    if cached is None:
        cached = usage.get("prompt_cache_hit_tokens")  # DeepSeek
    if cached is None:
        cached = _counted(usage, "num_cached_tokens", "cached_tokens")  # Mistral, Moonshot
    if reasoning is None:
        reasoning = _counted(usage, "reasoning_tokens")  # Perplexity
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        total_tokens=count(usage.get("total_tokens")),
        cached_tokens=count(cached),
        reasoning_tokens=count(reasoning),
        raw=usage,
    )


def _counted(usage: Mapping[str, Any], *names: str) -> Any:
    """Return a number beside the usual ones; servers that do not count it say 0 there (Together, SGLang)."""
    return next((usage[name] for name in names if usage.get(name)), None)
