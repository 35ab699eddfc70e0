"""The stream of a prediction on Replicate: plain text, not JSON.

The wire, over server-sent events::

    event: output
    id: 1707756341:1
    data: Hel

    event: output
    id: 1707756341:2
    data: lo

    event: done
    id: 1707756343:7
    data: {}

Strategy: the data of an ``output`` is the text itself, every space and line break of it; that of a model of images is
a ``data:`` URL. ``done`` is the end; its reason is "canceled" or "error" if it was no natural one. ``logs`` and events
not known are passed over. A reply that is not streamed is the prediction itself, as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import FramingError
from ..events import TextDelta
from ..folding.deltas import END, Anomaly, ChoiceEnd, Delta, Identity, WholePart
from ..framing import Frame
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, get, media, word
from .json_dialect import JSONDialect, decode
from .provider_errors import provider_error

_VERDICTS = {
    "done": Verdict.COMPLETE,
    "succeeded": Verdict.COMPLETE,
    "canceled": Verdict.CANCELLED,
    "aborted": Verdict.CANCELLED,
    "error": Verdict.ERRORED,
}
"""What the reason of a ``done`` means, and the status of a prediction that has ended."""

_UNSAID = {"starting", "processing", "failed"}
"""A status that is not an end, or is the error beside it."""


class Replicate(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "replicate"

    @property
    def is_typed(self) -> bool:
        """Whether `plain` is worth a try: never, it would not see the event's type."""
        return False

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`, in a frame whose event type is `event`."""
        return event == "output" or ("output" in value and "status" in value and "version" in value)

    def feed(self, frames: Sequence[Frame]) -> list[Delta]:
        """Return the deltas in `frames`; errors of the provider or of the wire are deltas too."""
        deltas: list[Delta] = []
        for frame in frames:
            self.read_frame(frame, deltas)
        return deltas

    def read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        """Append what `frame` says to `deltas`, whatever it is."""
        if isinstance(frame, bytes | FramingError) or frame.event in ("error", "message"):
            super().read_frame(frame, deltas)
        elif frame.event == "output":
            _read_output(frame.data, deltas)
        elif frame.event == "done":
            values, _, _ = decode(frame.data)
            reason = word(get(values[0] if values else None, "reason")) or "done"
            deltas.extend((ChoiceEnd(reason, _VERDICTS.get(reason, Verdict.COMPLETE)), END))

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a prediction says to `deltas`."""
        deltas.append(Identity(word(value.get("id")), word(value.get("model"))))
        output = value.get("output")
        for piece in output if isinstance(output, list) else [output]:
            if isinstance(piece, str):
                _say(piece, deltas)
        metrics = value.get("metrics")
        if isinstance(metrics, Mapping):
            counts = count(metrics.get("input_token_count")), count(metrics.get("output_token_count"))
            deltas.append(Usage(*counts, raw=metrics))
        status = word(value.get("status"))
        if status and status not in _UNSAID:
            deltas.append(ChoiceEnd(status, _VERDICTS.get(status, Verdict.COMPLETE)))
        if error := value.get("error") or value.get("detail"):
            deltas.append(provider_error(error, value))


def _read_output(data: bytes, deltas: list[Delta]) -> None:
    words = data.decode("utf-8", "replace")
    if n_replaced := words.count("\ufffd") - data.count(b"\xef\xbf\xbd"):
        deltas.append(Anomaly("an invalid UTF-8 sequence replaced by U+FFFD", n_replaced))
    _say(words, deltas)


def _say(words: str, deltas: list[Delta]) -> None:
    found = media(words)
    if found is not None:
        deltas.append(WholePart(found))
    elif words:
        deltas.append(TextDelta(words))
