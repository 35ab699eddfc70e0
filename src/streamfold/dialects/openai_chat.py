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

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from ..deltas import END, Anomaly, ChoiceEnd, Delta, Identity, Logprobs, ToolCallPiece
from ..errors import DialectError, FramingError, StreamfoldError
from ..events import ReasoningDelta, RefusalDelta, TextDelta
from ..framing.sse import Frame, ServerSentEvent
from ..reply import Usage, Verdict
from ..surrogates import replace_surrogates
from .json_frames import load_values
from .provider_errors import find_error, provider_error

NAME = "openai_chat"


_NoText = Annotated[str, msgspec.Meta(max_length=0)]
_NoItems = Annotated[list[Any], msgspec.Meta(max_length=0)]


class _NoLogprobs(msgspec.Struct, gc=False):
    content: None = None


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
_decode_any = msgspec.json.Decoder().decode

# What a finish reason means. Beside OpenAI's own: Mistral (model_length), TGI and Together (eos, eos_token,
# stop_sequence), Anthropic and Google behind a proxy, Zhipu (sensitive, network_error), DeepSeek
# (insufficient_system_resource), OpenRouter (error), WebLLM and vLLM (abort).
_VERDICTS = {
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


MAX_MISSES = 50
"""Stops the typed attempts on a stream whose chunks do not fit them: each miss costs as much as a decode."""

MAX_NAMELESS = 16
"""Bounds how long the typed attempts wait for a chunk that says who answers, which only the untyped way reads."""


class OpenAIChat:
    """Turn the frames of one stream into deltas."""

    def __init__(self) -> None:
        self._fast = False
        self._misses = 0
        self._n_named = 0
        self._n_frames = 0

    def feed(self, frames: Iterable[Frame]) -> list[Delta]:
        """Return the deltas in `frames`; errors of the provider or of the wire are deltas too."""
        deltas: list[Delta] = []
        for frame in frames:
            self._n_frames += 1
            if self._fast:
                try:
                    delta = _decode_plain(frame).choices[0].delta  # type: ignore[arg-type]
                except (ValueError, TypeError, RecursionError):
                    self._misses += 1
                else:
                    if delta.reasoning_content or delta.reasoning:
                        deltas.append(ReasoningDelta(delta.reasoning_content or delta.reasoning or ""))
                    if delta.content:
                        deltas.append(delta.content)
                    continue
            self._read_frame(frame, deltas)
            named = self._n_named > 1 or self._n_frames > MAX_NAMELESS
            self._fast = named and self._misses < MAX_MISSES
        return deltas

    def feed_object(self, chunk: Mapping[str, Any]) -> list[Delta]:
        """Return the deltas in a chunk that is already decoded."""
        deltas: list[Delta] = []
        self._n_frames += 1
        self._read_chunk(chunk, deltas)
        return deltas

    def _read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        if isinstance(frame, FramingError):
            deltas.append(frame)
            return
        event, data = (frame.event, frame.data) if isinstance(frame, ServerSentEvent) else ("message", frame)
        data = data.strip()
        if data == b"[DONE]":
            deltas.append(END)
        elif data and not data.startswith(b":"):  # ": keepalive" as data: seen from proxies
            self._read_data(event, data, deltas)

    def _read_data(self, event: str, data: bytes, deltas: list[Delta]) -> None:
        try:
            values, n_replaced, garbage = [_decode_any(data)], 0, ""
        except (ValueError, RecursionError):
            values, n_replaced, garbage = load_values(data)
        if n_replaced:
            deltas.append(Anomaly("an invalid UTF-8 sequence replaced by U+FFFD", n_replaced))
        for value in values:
            if isinstance(value, Mapping) and (event != "error" or "choices" in value):
                self._read_chunk(value, deltas)
            elif event == "error":
                found = find_error(value) if isinstance(value, Mapping) else None
                deltas.append(provider_error(value if found is None else found, value))
            else:
                deltas.append(DialectError(NAME, data, self._n_frames - 1, "not a JSON object"))
        if garbage:
            deltas.append(self._not_json(event, data, garbage))

    def _not_json(self, event: str, data: bytes, why: str) -> StreamfoldError:
        if event == "error":
            return provider_error(data.decode("utf-8", "replace"))
        return DialectError(NAME, data, self._n_frames - 1, why)

    def _read_chunk(self, chunk: Mapping[str, Any], deltas: list[Delta]) -> None:
        n_before = len(deltas)
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping):
                _read_choice(choice, deltas)
        identity = _identity(chunk)
        deltas.insert(n_before, identity)
        self._n_named += identity.id is not None or identity.model is not None
        usage = chunk.get("usage") or _get(chunk, "x_groq", "usage")  # Groq
        if isinstance(usage, Mapping):
            deltas.append(_usage(usage))
        error = chunk.get("error") if "choices" in chunk else find_error(chunk)
        if error:
            deltas.append(provider_error(error, chunk))


def _read_choice(choice: Mapping[str, Any], deltas: list[Delta]) -> None:
    index = _count(choice.get("index")) or 0
    n_before = len(deltas)
    # A reply that was not streamed says "message"; Perplexity says both, and "message" is then the text so far.
    delta = choice.get("delta") or (choice.get("message") if "delta" not in choice else None)
    if isinstance(delta, Mapping):
        _read_delta(delta, index, deltas)
    logprobs = _get(choice, "logprobs", "content")
    if isinstance(logprobs, list) and logprobs:
        deltas.append(Logprobs(logprobs, index))
    if error := choice.get("error"):
        deltas.append(provider_error(error, choice))
    usage = choice.get("usage")  # Moonshot
    if isinstance(usage, Mapping):
        deltas.append(_usage(usage))
    if reason := _word(choice.get("finish_reason")):
        deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason.lower(), Verdict.COMPLETE), index))
    if index and len(deltas) == n_before:
        deltas.append(TextDelta("", index))  # it is there, even if it says nothing yet


def _read_delta(delta: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    if reasoning := _reasoning(delta):
        deltas.append(ReasoningDelta(reasoning, index))
    content = delta.get("content")
    for part in content if isinstance(content, list) else (content,):
        _read_content(part, index, deltas)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        deltas.append(RefusalDelta(refusal, index))
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping):
            deltas.append(_tool_call(call, call.get("function"), index))
    if legacy := delta.get("function_call"):
        deltas.append(_tool_call({}, legacy, index))


def _read_content(part: Any, index: int, deltas: list[Delta]) -> None:
    if isinstance(part, str) and part:
        deltas.append(TextDelta(part, index))
    elif isinstance(part, Mapping):
        text = part.get("text")
        if isinstance(text, str) and text:
            deltas.append(TextDelta(text, index))
        if reasoning := _reasoning(part):
            deltas.append(ReasoningDelta(reasoning, index))


def _reasoning(delta: Mapping[str, Any]) -> str:
    """Return the reasoning in `delta`, which providers spell differently, and some in two spellings at once."""
    # DeepSeek, vLLM, xAI | OpenRouter, Groq, Ollama | Copilot | Mistral behind a proxy
    for name in ("reasoning_content", "reasoning", "reasoning_text", "thinking"):
        value = delta.get(name)
        if isinstance(value, str) and value:
            return value
        texts = [_get(part, "text") for part in value] if isinstance(value, list) else []
        if joined := "".join([text for text in texts if isinstance(text, str)]):
            return joined
    details = delta.get("reasoning_details")  # OpenRouter, Snowflake
    if not isinstance(details, list):
        return ""
    texts = [_get(detail, "text") or _get(detail, "summary") for detail in details]
    return "".join([text for text in texts if isinstance(text, str)])


def _tool_call(call: Mapping[str, Any], function: Any, choice: int) -> ToolCallPiece:
    arguments = _get(function, "arguments")
    if isinstance(arguments, Mapping):  # as an object, not as text: Ollama-like servers
        arguments = _dumped(arguments)
    return ToolCallPiece(
        _count(call.get("index")),
        _word(call.get("id")),
        _word(_get(function, "name")),
        arguments if isinstance(arguments, str) else None,
        choice,
    )


def _dumped(arguments: Mapping[str, Any]) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, default=repr)
    except (RecursionError, TypeError, ValueError) as error:
        return f"<{error}>"  # is not JSON, so the call never counts as complete


def _identity(chunk: Mapping[str, Any]) -> Identity:
    return Identity(*(_word(chunk.get(name)) for name in ("id", "model", "system_fingerprint")))


def _usage(usage: Mapping[str, Any]) -> Usage:
    cached = _get(usage, "prompt_tokens_details", "cached_tokens")
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        cached_tokens=_count(cached if cached is not None else usage.get("prompt_cache_hit_tokens")),  # DeepSeek
        reasoning_tokens=_count(_get(usage, "completion_tokens_details", "reasoning_tokens")),
        raw=usage,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _word(value: Any) -> str | None:
    return replace_surrogates(value) if isinstance(value, str) and value else None


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
