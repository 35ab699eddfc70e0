"""Amazon Bedrock's InvokeModelWithResponseStream: an AWS event stream around the model's own format.

The wire, as ``:event-type`` and payload; the bytes are base64 of what the comment says::

    chunk  {"bytes":"eyJ0eXBlIjoi...","p":"abcd"}   {"type":"message_start","message":{...}}
    chunk  {"bytes":"eyJ0eXBlIjoi...","p":"abc"}    {"type":"content_block_delta","index":0,"delta":{...}}
    chunk  {"bytes":"eyJ0eXBlIjoi...","p":"a"}      {"type":"message_stop","amazon-bedrock-invocationMetrics":{...}}

The first chunk tells which dialect the model speaks, and that one reads them all: Anthropic's, Converse's (Nova),
OpenAI's (gpt-oss, Qwen, Jamba), Cohere's, or one of `bedrock_models`. The metrics come with the last chunk of every
model, so they end the stream; their counts are used where the model itself counted nothing.

A guardrail that blocked the answer says so in its trace, where one was asked for; its message is then the text, and no
reason comes. One that only masked words has "intervened" too.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

from ..errors import DialectError, StreamfoldError
from ..folding.deltas import END, ChoiceEnd, Delta
from ..reply import Verdict
from ..reply.usage import Usage
from . import DIALECTS
from .aws_dialect import AWSDialect
from .bedrock_converse import BedrockConverse
from .bedrock_models import BedrockModels
from .fields import blob, count, get, text
from .json_dialect import JSONDialect, decode
from .provider_errors import find_error, provider_error

METRICS = "amazon-bedrock-invocationMetrics"
_TRACE = "amazon-bedrock-trace"


class _PlainChunk(msgspec.Struct, gc=False):
    data: bytes = msgspec.field(name="bytes")  # which msgspec decodes from base64
    chunk: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


class BedrockInvoke(AWSDialect):
    """Turn the frames of one invocation into deltas."""

    NAME = "bedrock_invoke"

    def __init__(self) -> None:
        super().__init__()
        self._model: JSONDialect | None = None
        self._counted = False
        self._is_blocked = False

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`: a chunk of what a known dialect would say."""
        inner = _inner(value)
        return inner is not None and (_dialect_of(inner) is not None or inner.get("type") == "error")

    def plain(self, data: bytes) -> Delta | None:
        """Return what the model's dialect says of the chunk in `data`, if it is one of its most frequent kind."""
        if self._model is None or not self._model.is_typed:
            raise ValueError
        model = self._model
        delta = model.plain(_decode_plain(data).data)
        if model.unread is not None:
            self.unread, model.unread = model.unread, None
        return delta

    def usage(self, report: Mapping[str, Any]) -> Usage:
        """Return what the model's dialect counts in `report`."""
        assert self._model is not None
        return self._model.usage(report)

    def read_event(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> bool:
        """Append what a chunk says to `deltas`."""
        data = _bytes(value)
        if data is None:
            return False
        inner = _inner(value) or {}
        self._model = self._model or _model(inner)
        if self._model is None:
            deltas.append(self._stranger(inner, data))
        else:
            self._is_blocked = self._is_blocked or "blocked" in text(get(inner, _TRACE, "guardrail", "actionReason"))
            self._ask(self._model, data, inner.get(METRICS), deltas)
        return True

    def close(self) -> list[Delta]:
        """Return that a guardrail blocked the answer, if one did and the model gave no reason."""
        return [ChoiceEnd(None, Verdict.FILTERED)] if self._is_blocked else []

    def _stranger(self, inner: Mapping[str, Any], data: bytes) -> StreamfoldError:
        if error := find_error(inner):
            return provider_error(error, inner)
        return DialectError(self.NAME, data, "not what any known model says")

    def _ask(self, model: JSONDialect, data: bytes, metrics: Any, deltas: list[Delta]) -> None:
        said: list[Delta] = []
        model.read_frame(data, said)
        self._counted = self._counted or any(isinstance(delta, Usage) for delta in said)
        if isinstance(metrics, Mapping):
            said = [delta for delta in said if delta is not END]
            said.append(self._metrics(metrics))
        self._is_blocked = self._is_blocked and not any(isinstance(delta, ChoiceEnd) for delta in said)
        deltas += said
        if isinstance(metrics, Mapping):
            deltas += [*self.close(), END]

    def _metrics(self, metrics: Mapping[str, Any]) -> Usage:
        usage = Usage(raw={METRICS: metrics})
        if not self._counted:
            usage.input_tokens = count(metrics.get("inputTokenCount"))
            usage.output_tokens = count(metrics.get("outputTokenCount"))
            usage.cached_tokens = count(metrics.get("cacheReadInputTokenCount"))
        return usage


def _bytes(value: Mapping[str, Any]) -> bytes | None:
    """Return what a chunk holds. An SDK puts the chunk into an object, and decodes the bytes."""
    chunk = value.get("chunk")
    return blob((chunk if isinstance(chunk, Mapping) else value).get("bytes"))


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object in a chunk, if it has one."""
    data = _bytes(value)
    values = decode(data)[0] if data else []
    return values[0] if values and isinstance(values[0], Mapping) else None


def _model(inner: Mapping[str, Any]) -> JSONDialect | None:
    found = _dialect_of(inner)
    model = found() if found else None
    if isinstance(model, BedrockConverse):
        model.splits = False  # invoked by its own format, Nova puts each piece of a text into a block of its own
    return model


def _dialect_of(inner: Mapping[str, Any]) -> type[JSONDialect] | None:
    """Return the dialect that recognises `inner`; `bedrock_models` first, which has fields that others only lack."""
    if BedrockModels.recognises(inner, "message"):
        return BedrockModels
    for name, class_name in DIALECTS.items():
        found: type[JSONDialect] = getattr(import_module(f".{name}", __package__), class_name)
        if name != BedrockInvoke.NAME and found.recognises(inner, "message"):
            return found
    return None
