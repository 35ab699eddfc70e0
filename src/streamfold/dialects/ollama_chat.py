r"""Ollama's native chat.

The wire, as newline-delimited JSON::

    {"model":"m","created_at":"...","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}
    {"model":"m","created_at":"...","message":{"role":"assistant","content":"Hel"},"done":false}
    {"model":"m","created_at":"...","message":{"role":"assistant","content":"lo"},"done":false}
    {"model":"m","created_at":"...","message":{"role":"assistant","content":"","tool_calls":[{"id":"c1",
     "function":{"index":0,"name":"f","arguments":{"a":1}}}]},"done":false}
    {"model":"m","created_at":"...","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",
     "total_duration":5191566416,"prompt_eval_count":26,"eval_count":298,"eval_duration":4799921000}

``done`` ends the stream; old versions give no reason, and it is ``load`` or ``unload`` where that was all that was
asked for. Tool calls come whole, in old versions without an id and all with index 0, so the index is not read. An error
in mid-stream is a line of its own: ``{"error":"..."}``. What is not streamed is one such line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..events import ReasoningDelta, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, Logprobs, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import MediaPart
from ..reply.usage import Usage
from .fields import blob, count, dumped, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainMessage(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: None = None
    images: None = None


class _PlainLine(msgspec.Struct, gc=False):
    message: _PlainMessage
    done: bool
    logprobs: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainLine).decode

VERDICTS = {"length": Verdict.LENGTH}
"""What a reason means: beside ``stop`` there are ``load`` and ``unload``, for which there is nothing to say."""

_CONTENT = frozenset({"message", "response", "thinking", "context", "logprobs", "image", "tool_calls"})


class OllamaChat(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "ollama_chat"

    def __init__(self) -> None:
        super().__init__()
        self.is_named = False
        self._n_calls = 0

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return isinstance(value.get("message"), Mapping) and isinstance(value.get("done"), bool)

    def plain(self, data: bytes) -> Delta | None:
        """Return the words that a plain line consists of."""
        line = _decode_plain(data)
        if line.done:
            raise ValueError
        message = line.message
        return plain_words(message.content, message.thinking) if message.thinking else message.content or None

    def read(self, line: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a line says to `deltas`."""
        self.identify(line, deltas)
        message = line.get("message")
        if isinstance(message, Mapping):
            self.read_words(message.get("content"), message.get("thinking"), deltas)
            images = message.get("images")
            for image in images if isinstance(images, list) else ():
                read_image(image, deltas)
            self.read_calls(message.get("tool_calls"), deltas)
        self.read_end(line, "message" in line, deltas)

    def identify(self, line: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Append who answers, the first time that it is said."""
        model = word(line.get("model"))
        if model and not self.is_named:
            self.is_named = True
            deltas.append(Identity(model=model))

    def read_words(self, content: Any, thinking: Any, deltas: list[Delta]) -> None:
        """Append the reasoning and the text of a line."""
        if reasoning := text(thinking):
            deltas.append(ReasoningDelta(reasoning))
        if words := text(content):
            deltas.append(TextDelta(words))

    def read_calls(self, calls: Any, deltas: list[Delta]) -> None:
        """Append the tool calls of a line, each of which is whole."""
        for call in objects(calls):
            function = call.get("function")
            if isinstance(function, Mapping):
                arguments = function.get("arguments")
                arguments = arguments if isinstance(arguments, str) else dumped(arguments or {})
                name, id = word(function.get("name")), word(call.get("id"))
                deltas.append(ToolCallPiece(self._n_calls, id, name, arguments, ended=True))
                self._n_calls += 1

    def read_end(self, line: Mapping[str, Any], is_reply: bool, deltas: list[Delta]) -> None:
        """Append what else a line says: log-probabilities, an error, and the last one how it ended."""
        if logprobs := list(objects(line.get("logprobs"))):
            deltas.append(Logprobs(logprobs))
        if line.get("done") is True:
            if reason := word(line.get("done_reason")):
                deltas.append(ChoiceEnd(reason, VERDICTS.get(reason, Verdict.COMPLETE)))
            deltas.append(_usage(line))
        if error := (line.get("error") if is_reply else find_error(line)):
            deltas.append(provider_error(error, line))
        elif line.get("done") is True:
            deltas.append(END)


def plain_words(content: str | None, thinking: str | None) -> Delta | None:
    """Return the one delta of a plain line."""
    if not thinking:
        return content or None
    if content:
        raise ValueError
    return ReasoningDelta(thinking)


def read_image(image: Any, deltas: list[Delta]) -> None:
    """Append an image; Ollama does not say of which type."""
    data = blob(image)
    if data:
        deltas.append(WholePart(MediaPart("", data)))


def _usage(line: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(line.get("prompt_eval_count")),  # absent where all of the prompt was cached
        output_tokens=count(line.get("eval_count")),
        raw={name: value for name, value in line.items() if name not in _CONTENT},
    )
