"""Give the chunk objects of client libraries back the form that they had on the wire.

A client has parsed a chunk into an object of its own; its values lie in it unchanged. They are taken out again as a
mapping, which the dialect of the wire reads as it reads decoded JSON, so a client's stream and its bytes fold into the
same reply. What is done depends on the class alone and is decided once for each, by `reader_of`. Chunks that are
mappings already (llama-cpp-python, boto3) stay as they are.

The helpers of the openai and anthropic clients (``client...stream()``) say everything twice, as the provider's event
and as an event of their own that repeats all there was so far. Only the provider's is read: to read both would double
the text, and to take the other apart would cost the square of the stream.

Cost: 4 µs a chunk of OpenAI's, which its client has spent 130 µs on.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from ..dialects.json_dialect import JSONDialect
from ..errors import ChunkTypeError
from .langchain import LangChain, message_of

Reader = Callable[[Any], Mapping[str, Any] | None]
"""Returns the wire form of a chunk; ``None`` for one that only repeats others."""

_REPEATING = frozenset({
    # anthropic's MessageStream
    "text", "thinking", "citation", "signature", "input_json", "compaction",
    # openai's ChatCompletionStream
    "content.delta", "content.done", "refusal.delta", "refusal.done",
    "tool_calls.function.arguments.delta", "tool_calls.function.arguments.done",
    "logprobs.content.delta", "logprobs.content.done", "logprobs.refusal.delta", "logprobs.refusal.done",
})  # fmt: skip


@lru_cache(maxsize=256)
def reader_of(kind: type) -> Reader | None:
    """Return what reads chunks of the class `kind`; ``None`` if no client library has such."""
    fields = getattr(kind, "model_fields", None)
    if isinstance(fields, Mapping) and hasattr(kind, "model_dump"):  # pydantic
        return _model_reader(frozenset(fields))
    if is_dataclass(kind):
        return _attributes
    return _told if hasattr(kind, "to_dict") else None


def wire_form(chunk: Any) -> Mapping[str, Any] | ChunkTypeError | None:
    """Return what `chunk` was on the wire; ``None`` if it only repeats others, an error if it is no client's chunk."""
    reader = reader_of(chunk.__class__)
    try:
        value = chunk if reader is None else reader(chunk)
    except Exception as cause:  # the client's code, on what it may not have checked itself
        return _refused(chunk, cause)
    if isinstance(value, Mapping) or (value is None and reader is not None):
        return value
    return _refused(chunk)


def _refused(chunk: object, cause: Exception | None = None) -> ChunkTypeError:
    error = ChunkTypeError(chunk, expected="a mapping or a client library's chunk")
    error.__cause__ = cause
    return error


def dialect_of_kind(kind: type) -> JSONDialect | None:
    """Return the dialect of chunks that no wire has; ``None`` where the chunks themselves will tell."""
    return LangChain() if reader_of(kind) is message_of else None


def dialect_of_form(chunk: Mapping[str, Any]) -> JSONDialect | None:
    """Return the same for the wire form of such a chunk, as a recording holds it."""
    return LangChain() if LangChain.recognises(chunk, "message") else None


def _model_reader(fields: frozenset[str]) -> Reader:
    if {"content", "tool_call_chunks", "response_metadata"} <= fields:
        return message_of
    if {"data"} <= fields <= {"data", "event", "enabled"}:  # events of mistralai, and of openai's assistants
        return lambda event: _dumped(event.data)
    if fields == {"type", "chunk", "snapshot"}:  # the event of openai's helper that brings the provider's own
        return lambda event: _dumped(event.chunk)
    if {"candidates", "usage_metadata"} <= fields:  # google-genai decodes more than JSON
        return lambda response: _as_json(_dumped(response))
    return _event if "type" in fields else _dumped


def _dumped(model: Any) -> Any:
    """Return what the sender has set; without warnings, as it may have set what the client does not know."""
    return model.model_dump(by_alias=True, exclude_unset=True, warnings=False)


def _event(event: Any) -> Any:
    return None if event.type in _REPEATING else _dumped(event)


def _told(chunk: Any) -> Any:
    return chunk.to_dict()


def _attributes(value: Any) -> Any:
    """Return a dataclass as a mapping, with all its attributes: Hugging Face puts there what is no field."""
    if isinstance(value, list):
        return [_attributes(inner) for inner in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    values = getattr(value, "__dict__", None) or asdict(value)
    return {name: _attributes(inner) for name, inner in values.items()}


def _as_json(value: Any) -> Any:
    """Return `value` with bytes as base64 and enumerations as their words, as in JSON."""
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.value if isinstance(value, Enum) else value
