"""UI message stream v1 of the Vercel AI SDK, version 5 and later: what a chat's backend sends to its page.

The wire, over server-sent events (header ``x-vercel-ai-ui-message-stream: v1``)::

    data: {"type":"start","messageId":"m1"}
    data: {"type":"start-step"}
    data: {"type":"text-start","id":"0"}
    data: {"type":"text-delta","id":"0","delta":"Hel"}
    data: {"type":"text-delta","id":"0","delta":"lo"}
    data: {"type":"text-end","id":"0"}
    data: {"type":"finish-step"}
    data: {"type":"finish","finishReason":"stop","messageMetadata":{"usage":{"inputTokens":9}}}
    data: [DONE]

Strategy: one reader for each type of chunk; nearly every chunk is a ``text-delta``, which `_TextDelta` takes in one
typed decode.

An ``error`` is not the end: the steps are still finished, and a reason and the usage follow. It is kept until then.
The protocol leaves the metadata to the application; the usage is taken from where the SDK's documentation puts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from ..errors import ProviderError
from ..events import Details, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import END, Anomaly, ChoiceEnd, Delta, Identity, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, ServerToolResult, TextPart
from ..reply.usage import Usage
from .fields import count, get, media, text, word
from .json_dialect import JSONDialect
from .provider_errors import provider_error
from .ui_tool_calls import UIToolCalls


class _TextDelta(msgspec.Struct, gc=False):
    type: Literal["text-delta"]
    delta: str
    providerMetadata: None = None  # noqa: N815, it is the field's name


_decode_plain = msgspec.json.Decoder(_TextDelta).decode

VERDICTS = {
    "stop": Verdict.COMPLETE,
    "length": Verdict.LENGTH,
    "content-filter": Verdict.FILTERED,
    "tool-calls": Verdict.TOOL_CALLS,
    "error": Verdict.ERRORED,
}
"""What a finish reason means; "other" and "unknown" are an end like any other."""


class UIMessages(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "ui_messages"

    def __init__(self) -> None:
        super().__init__()
        self._error: ProviderError | None = None
        self._calls = UIToolCalls()

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = value.get("type")
        return isinstance(kind, str) and (kind in _TELLING or (kind.startswith("data-") and "data" in value))

    def plain(self, data: bytes) -> Delta | None:
        """Return the text of a plain ``text-delta``."""
        return _decode_plain(data).delta or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`."""
        kind = text(value.get("type"))
        if reader := _READERS.get(kind):
            reader(value, deltas)
        elif kind.startswith("tool-"):
            self._read_tool(kind, value, deltas)
        elif kind == "error":
            self._error = self._error or provider_error(value.get("errorText"), value)
        elif kind == "finish":
            self._finish(value, deltas)
        elif kind.startswith("data-") and value.get("transient") is not True:  # the application's own
            deltas.append(WholePart(ServerToolResult(word(value.get("id")), kind, value.get("data"))))

    def close(self) -> list[Delta]:
        """Return the error that was kept, if there is one."""
        kept, self._error = self._error, None
        return [kept] if kept else []

    def _read_tool(self, kind: str, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        id, name = word(value.get("toolCallId")), word(value.get("toolName"))
        server = value.get("providerExecuted") is True
        if kind == "tool-input-start":
            deltas.append(self._calls.start(id, name, server=server))
        elif kind == "tool-input-delta":
            deltas.append(self._calls.piece(id, text(value.get("inputTextDelta"))))
        elif kind == "tool-input-available":
            signature = seal(value.get("providerMetadata")).get("signature")
            deltas.append(self._calls.whole(id, name, value.get("input"), server=server, signature=signature))
        elif kind == "tool-input-error":  # which the sender has told the model
            deltas.append(self._calls.whole(id, name, value.get("input"), server=True))
            deltas += self._calls.result(id, _failure(value))
        elif kind == "tool-output-available" and value.get("preliminary") is not True:
            deltas += self._calls.result(id, value.get("output"))
        elif kind in ("tool-output-error", "tool-output-denied"):
            deltas += self._calls.result(id, _failure(value))

    def _finish(self, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        _read_metadata(value, deltas)
        reason = word(value.get("finishReason"))
        if reason:
            deltas.append(ChoiceEnd(reason, VERDICTS.get(reason, Verdict.COMPLETE)))
        deltas += self.close()
        if not reason:  # before version 6
            deltas.append(END)


def seal(metadata: Any) -> dict[str, str]:
    """Return what the providers' metadata of a part hold that must be sent back: Anthropic's, Google's and OpenAI's."""
    found: dict[str, str] = {}
    for own in metadata.values() if isinstance(metadata, Mapping) else ():
        for name, field in _SEALS:
            if value := word(get(own, name)):
                found[field] = value
    return found


_SEALS = (
    ("signature", "signature"),  # Anthropic, Bedrock
    ("thoughtSignature", "signature"),  # Google
    ("redactedData", "redacted"),  # Anthropic, Bedrock
    ("reasoningEncryptedContent", "redacted"),  # OpenAI
    ("itemId", "id"),  # OpenAI
)


def usage_of(value: Any) -> Usage | None:
    """Return a usage report of the SDK's, if `value` is one. Version 6 has the details in objects of their own."""
    if not isinstance(value, Mapping) or not value:
        return None
    cached = get(value, "inputTokenDetails", "cacheReadTokens")
    reasoning = get(value, "outputTokenDetails", "reasoningTokens")
    return Usage(
        input_tokens=count(value.get("inputTokens")),
        output_tokens=count(value.get("outputTokens")),
        total_tokens=count(value.get("totalTokens")),
        cached_tokens=count(value.get("cachedInputTokens") if cached is None else cached),
        reasoning_tokens=count(value.get("reasoningTokens") if reasoning is None else reasoning),
        raw=value,
    )


def _failure(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in ("type", "errorText") if name in value}


def _read_metadata(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    metadata = value.get("messageMetadata")
    deltas.append(Identity(word(value.get("messageId")), word(get(metadata, "model"))))
    usage = usage_of(get(metadata, "usage")) or usage_of(get(metadata, "totalUsage"))
    if usage is not None:
        deltas.append(usage)


def _read_text(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    if value["type"] == "text-start":
        deltas.append(PartStart(TextPart))
    if words := text(value.get("delta")):
        deltas.append(TextDelta(words))
    if signature := seal(value.get("providerMetadata")).get("signature"):
        deltas.append(Details(TextPart, {"signature": signature}))


def _read_reasoning(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    if value["type"] == "reasoning-start":
        deltas.append(PartStart(ReasoningPart))
    if words := text(value.get("delta")):
        deltas.append(ReasoningDelta(words))
    if details := seal(value.get("providerMetadata")):
        deltas.append(Details(ReasoningPart, details))


def _read_source(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    deltas.append(Details(TextPart, {"citations": [value]}))


def _read_file(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    found = media(value.get("url"))
    deltas.append(WholePart(found or ServerToolResult(None, "file", value)))


def _read_custom(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    deltas.append(WholePart(ServerToolResult(None, word(value.get("kind")) or "custom", value)))  # a provider's own


def _read_abort(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    deltas.append(ChoiceEnd("abort", Verdict.CANCELLED))


def _read_reset(value: Mapping[str, Any], deltas: list[Delta]) -> None:
    deltas.append(Anomaly("the sender took back what it had sent in this step"))


_READERS: dict[str, Callable[[Mapping[str, Any], list[Delta]], None]] = {
    "start": _read_metadata,
    "message-metadata": _read_metadata,
    "text-start": _read_text,
    "text-delta": _read_text,
    "text-end": _read_text,
    "reasoning-start": _read_reasoning,
    "reasoning-delta": _read_reasoning,
    "reasoning-end": _read_reasoning,
    "source-url": _read_source,
    "source-document": _read_source,
    "file": _read_file,
    "reasoning-file": _read_file,
    "custom": _read_custom,
    "abort": _read_abort,
    "reset-step": _read_reset,
}
_TELLING = {
    *(_READERS.keys() - {"file", "custom", "abort"}),
    *("start-step", "finish-step", "tool-input-start", "tool-input-delta", "tool-input-available", "tool-input-error"),
    *("tool-output-available", "tool-output-error", "tool-output-denied", "tool-approval-request"),
}
"""The types of chunks by which the stream is recognised."""
