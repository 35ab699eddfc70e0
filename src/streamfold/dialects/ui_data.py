r"""Data stream v1 of the Vercel AI SDK, versions 3.1 to 4: what a chat's backend sent to its page before UI messages.

The wire, over prefixed lines (header ``x-vercel-ai-data-stream: v1``)::

    f:{"messageId":"m1"}
    g:"Hm."
    0:"Hel"
    0:"lo"
    b:{"toolCallId":"c1","toolName":"add"}
    c:{"toolCallId":"c1","argsTextDelta":"{\"a\": 2}"}
    9:{"toolCallId":"c1","toolName":"add","args":{"a":2}}
    e:{"finishReason":"tool-calls","usage":{"promptTokens":9,"completionTokens":2},"isContinued":false}
    d:{"finishReason":"tool-calls","usage":{"promptTokens":9,"completionTokens":2}}

Strategy: the prefix says what the payload is, any JSON value: nearly always ``0``, a piece of text. An ``e`` ends a
step, a ``d`` the message; only the ``d`` is an end, and its usage is the sum. An error (``3``) may be followed by
both, so it is kept until then. What the application adds of its own (``2``, ``8``) is not of the model and passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..errors import ProviderError
from ..events import Details, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, WholePart
from ..framing import Frame
from ..reply import Verdict
from ..reply.parts import MediaPart, ReasoningPart, TextPart
from ..reply.usage import Usage
from .fields import blob, count, get, objects, text, word
from .json_dialect import NOT_PLAIN, JSONDialect
from .provider_errors import provider_error
from .ui_messages import VERDICTS
from .ui_tool_calls import UIToolCalls

_decode_text = msgspec.json.Decoder(str).decode


class UIData(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "ui_data"
    VALUES = (object,)

    def __init__(self) -> None:
        super().__init__()
        self._error: ProviderError | None = None
        self._calls = UIToolCalls()

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect has lines of this prefix."""
        return event in _READERS or event in ("2", "3", "8", "9", "a", "b", "c", "d")

    def feed(self, frames: Sequence[Frame]) -> list[Delta]:
        """Return the deltas in `frames`; errors of the sender or of the wire are deltas too."""
        deltas: list[Delta] = []
        for frame in frames:
            try:
                if frame.event == "0":  # type: ignore[union-attr]
                    if words := _decode_text(frame.data):  # type: ignore[union-attr]
                        deltas.append(words)
                    continue
            except NOT_PLAIN:
                pass
            self.read_frame(frame, deltas)
        return deltas

    def read(self, value: Any, event: str, deltas: list[Delta]) -> None:
        """Append what a line says to `deltas`."""
        if reader := _READERS.get(event):
            reader(value, deltas)
        elif event == "3":
            self._error = self._error or provider_error(value)
        elif event == "d":
            _read_usage(value, deltas)
            if reason := word(get(value, "finishReason")):
                deltas.append(ChoiceEnd(reason, VERDICTS.get(reason, Verdict.COMPLETE)))
            deltas += self.close()
        else:
            self._read_tool(value, event, deltas)

    def close(self) -> list[Delta]:
        """Return the error that was kept, if there is one."""
        kept, self._error = self._error, None
        return [kept] if kept else []

    def _read_tool(self, value: Any, event: str, deltas: list[Delta]) -> None:
        id, name = word(get(value, "toolCallId")), word(get(value, "toolName"))
        if event == "b":
            deltas.append(self._calls.start(id, name))
        elif event == "c":
            deltas.append(self._calls.piece(id, text(get(value, "argsTextDelta"))))
        elif event == "9":
            deltas.append(self._calls.whole(id, name, get(value, "args")))
        elif event == "a":
            deltas += self._calls.result(id, get(value, "result"))


def _read_text(value: Any, deltas: list[Delta]) -> None:
    if words := text(value):
        deltas.append(TextDelta(words))


def _read_message(value: Any, deltas: list[Delta]) -> None:
    for part in objects(get(value, "content")):  # of an OpenAI assistant
        deltas.append(TextDelta(text(get(part, "text", "value"))))


def _read_reasoning(value: Any, deltas: list[Delta]) -> None:
    if words := text(value):
        deltas.append(ReasoningDelta(words))


def _read_signature(value: Any, deltas: list[Delta]) -> None:
    if signature := word(get(value, "signature")):
        deltas.extend((Details(ReasoningPart, {"signature": signature}), PartStart(ReasoningPart)))


def _read_redacted(value: Any, deltas: list[Delta]) -> None:
    if redacted := word(get(value, "data")):
        deltas.append(WholePart(ReasoningPart("", redacted=redacted)))


def _read_source(value: Any, deltas: list[Delta]) -> None:
    if isinstance(value, Mapping):
        deltas.append(Details(TextPart, {"citations": [value]}))


def _read_file(value: Any, deltas: list[Delta]) -> None:
    content = blob(get(value, "data"))
    if content is not None:
        deltas.append(WholePart(MediaPart(word(get(value, "mimeType")) or "", content)))


def _read_start(value: Any, deltas: list[Delta]) -> None:
    deltas.append(Identity(word(get(value, "messageId"))))


def _read_usage(value: Any, deltas: list[Delta]) -> None:
    usage = get(value, "usage")
    if isinstance(usage, Mapping):
        counts = count(usage.get("promptTokens")), count(usage.get("completionTokens"))
        deltas.append(Usage(*counts, raw=usage))


def _read_step(value: Any, deltas: list[Delta]) -> None:
    _read_usage(value, deltas)
    if get(value, "isContinued") is not True:
        deltas.extend((PartStart(TextPart), PartStart(ReasoningPart)))


_READERS: dict[str, Callable[[Any, list[Delta]], None]] = {
    "0": _read_text,
    "4": _read_message,
    "e": _read_step,
    "f": _read_start,
    "g": _read_reasoning,
    "h": _read_source,
    "i": _read_redacted,
    "j": _read_signature,
    "k": _read_file,
}
