"""What all dialects that speak JSON have in common: from a frame to the values in it, and the errors on the way.

A dialect says what a value means (`read`), how to tell its values from other dialects' (`recognises`) and, where it is
worth it, a quick way for its most frequent frame (`plain`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from ..deltas import END, Anomaly, Delta
from ..errors import DialectError, FramingError, ProviderError, StreamfoldError
from ..framing import Frame
from .json_frames import load_values
from .provider_errors import find_error, provider_error

_decode_any = msgspec.json.Decoder().decode

MAX_MISSES = 50
"""Stops the typed attempts on a stream whose frames do not fit them: each miss costs as much as a decode."""


class JSONDialect(ABC):
    """Turn the frames of one stream into deltas."""

    NAME: ClassVar[str]

    def __init__(self) -> None:
        self._n_frames = 0
        self._misses = 0

    @classmethod
    @abstractmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`, in a frame whose event type is `event`."""

    @abstractmethod
    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what `value` says to `deltas`. It comes from outside: nothing in it is sure to be of its type."""

    def plain(self, data: bytes) -> Delta | None:
        """Return the one delta that `data` consists of, if this is a frame of the most frequent kind.

        Anything else raises ValueError or AttributeError, as a typed decoder does, and goes to `read`.
        """
        raise ValueError

    def feed(self, frames: Iterable[Frame]) -> list[Delta]:
        """Return the deltas in `frames`; errors of the provider or of the wire are deltas too."""
        deltas: list[Delta] = []
        for frame in frames:
            self._n_frames += 1
            if self._misses < MAX_MISSES:
                try:
                    delta = self.plain(frame if frame.__class__ is bytes else frame.data)  # type: ignore[union-attr]
                except (ValueError, AttributeError, RecursionError):
                    self._misses += 1
                else:
                    self._misses = 0
                    if delta is not None:
                        deltas.append(delta)
                    continue
            self.read_frame(frame, deltas)
        return deltas

    def feed_object(self, value: Mapping[str, Any], event: str = "message") -> list[Delta]:
        """Return the deltas in a value that is already decoded."""
        deltas: list[Delta] = []
        self._n_frames += 1
        self.read(value, event, deltas)
        return deltas

    def read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        """Append what `frame` says to `deltas`, whatever it is."""
        if isinstance(frame, FramingError):
            deltas.append(frame)
            return
        event, data = ("message", frame) if isinstance(frame, bytes) else (frame.event, frame.data)
        data = data.strip()
        if data == b"[DONE]":
            deltas.append(END)
        elif data and not data.startswith(b":"):  # ": keepalive" as data: seen from proxies
            self._read_data(event, data, deltas)

    def _read_data(self, event: str, data: bytes, deltas: list[Delta]) -> None:
        values, n_replaced, garbage = decode(data)
        if n_replaced:
            deltas.append(Anomaly("an invalid UTF-8 sequence replaced by U+FFFD", n_replaced))
        for value in values:
            if isinstance(value, Mapping) and (event != "error" or self.recognises(value, "message")):
                self.read(value, event, deltas)
            elif event == "error":
                deltas.append(_told_error(value))
            else:
                deltas.append(DialectError(self.NAME, data, self._n_frames - 1, "not a JSON object"))
        if garbage:
            deltas.append(self._not_json(event, data, garbage))

    def _not_json(self, event: str, data: bytes, why: str) -> StreamfoldError:
        if event == "error":
            return provider_error(data.decode("utf-8", "replace"))
        return DialectError(self.NAME, data, self._n_frames - 1, why)


def decode(data: bytes) -> tuple[list[Any], int, str]:
    """Return what `load_values` does, in the quick way where that can read `data`."""
    try:
        return [_decode_any(data)], 0, ""
    except (ValueError, RecursionError):
        return load_values(data)


def _told_error(value: Any) -> ProviderError:
    found = find_error(value) if isinstance(value, Mapping) else None
    return provider_error(value if found is None else found, value)
