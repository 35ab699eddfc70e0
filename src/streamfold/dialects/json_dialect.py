"""What all dialects that speak JSON have in common: from a frame to the values in it, and the errors on the way.

A dialect says what a value means (`read`), how to tell its values from other dialects' (`recognises`) and, where it is
worth it, a quick way for its most frequent frame (`plain`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec

from ..errors import DialectError, FramingError, ProviderError, StreamfoldError
from ..folding.deltas import END, Anomaly, Delta
from ..framing import Frame, told
from ..reply.usage import UnreadUsage, Usage
from .json_frames import load_values
from .provider_errors import find_error, provider_error

NOT_PLAIN = (ValueError, AttributeError, RecursionError)
"""What `JSONDialect.plain` raises for a frame that is not plain; msgspec's errors are ValueErrors."""

_decode_any = msgspec.json.Decoder().decode

MAX_MISSES = 1_000
"""Bounds what typed attempts may cost on a stream whose frames do not fit them: about a millisecond."""


class JSONDialect(ABC):
    """Turn the frames of one stream into deltas.

    Attributes:
        n_misses: How many frames were tried and not `plain`.
        is_named: Whether it is known who answers. The first frames say so, and `plain` does not read it.
        unread: The latest usage report, which `plain` put by: to read it takes longer than the text beside it.
        cursor: The number of the last event, where the format counts them: whence the stream can be taken up again.
        ends_with_stream: Whether a stream that ends now, between two frames, is whole, in a format that marks no end.
    """

    NAME: ClassVar[str]
    VALUES: ClassVar[tuple[type, ...]] = (Mapping,)
    """What a frame's value is; any other is a `DialectError`."""

    def __init__(self) -> None:
        self.n_misses = 0
        self.is_named = True
        self.unread: msgspec.Raw | None = None
        self.cursor: int | None = None
        self.ends_with_stream = False

    @property
    def is_typed(self) -> bool:
        """Whether `plain` is worth a try."""
        return self.is_named and self.n_misses < MAX_MISSES

    @classmethod
    @abstractmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`, in a frame whose event type is `event`."""

    @abstractmethod
    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta], /) -> None:
        """Append what `value` says to `deltas`. It comes from outside: nothing in it is sure to be of its type."""

    def plain(self, data: bytes) -> Delta | None:
        """Return the delta that `data` consists of, if this is a frame of the most frequent kind.

        For anything else raise one of `NOT_PLAIN`, as a typed decoder does; it then goes to `read`.
        """
        raise ValueError

    def usage(self, report: Mapping[str, Any]) -> Usage:
        """Return what `report` counts, where `plain` puts reports by."""
        raise NotImplementedError

    def unread_usage(self) -> list[UnreadUsage]:
        """Return the report that `plain` put by, if there is one that was not asked for yet."""
        report, self.unread = self.unread, None
        return [] if report is None else [UnreadUsage(partial(self._usage_in, bytes(report)))]

    def _usage_in(self, report: bytes) -> Usage:
        value = next(iter(decode(report)[0]), None)
        return self.usage(value) if isinstance(value, Mapping) else Usage()

    def feed(self, frames: Sequence[Frame]) -> list[Delta]:
        """Return the deltas in `frames`; errors of the provider or of the wire are deltas too."""
        deltas: list[Delta] = [*self.unread_usage()]
        is_typed = self.is_typed
        for frame in frames:
            if is_typed:
                try:
                    delta = self.plain(frame if frame.__class__ is bytes else frame.data)  # type: ignore[union-attr]
                except NOT_PLAIN:
                    self.n_misses += 1
                else:
                    if delta is not None:
                        deltas.append(delta)
                    if self.unread is not None:
                        deltas += self.unread_usage()
                    continue
            self.read_frame(frame, deltas)
            is_typed = self.is_typed
        return deltas

    def feed_missed(self, frames: Sequence[Frame]) -> list[Delta]:
        """Return the deltas in `frames`, which were tried and are not plain."""
        self.n_misses += 1
        deltas: list[Delta] = [*self.unread_usage()]
        for frame in frames:
            self.read_frame(frame, deltas)
        return deltas

    def close(self) -> list[Delta]:
        """Return what was kept back until the end of the stream, such as an error after which a reason may come."""
        return []

    def feed_object(self, value: Mapping[str, Any], event: str = "message") -> list[Delta]:
        """Return the deltas in a value that is already decoded."""
        deltas: list[Delta] = []
        self.read(value, event, deltas)
        return deltas

    def read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        """Append what `frame` says to `deltas`, whatever it is."""
        if isinstance(frame, FramingError):
            deltas.append(frame)
            return
        event, data = told(frame)
        data = data.strip()
        if data == b"[DONE]":
            deltas += [*self.close(), END]
        elif data and not data.startswith(b":"):  # ": keepalive" as data: seen from proxies
            self._read_data(event, data, deltas)

    def _read_data(self, event: str, data: bytes, deltas: list[Delta]) -> None:
        values, n_replaced, garbage = decode(data)
        if n_replaced:
            deltas.append(Anomaly("an invalid UTF-8 sequence replaced by U+FFFD", n_replaced))
        for value in _unwrapped(values):
            if self._is_reply(value, event):
                self.read(value, event, deltas)
            elif event == "error":
                deltas.append(_told_error(value))
            else:
                deltas.append(DialectError(self.NAME, data, "not a JSON object"))
        if garbage:
            deltas.append(self._not_json(event, data, garbage))

    def _is_reply(self, value: Any, event: str) -> bool:
        if event == "error":
            return isinstance(value, Mapping) and self.recognises(value, "message")
        return isinstance(value, self.VALUES)

    def _not_json(self, event: str, data: bytes, why: str) -> StreamfoldError:
        if event == "error":
            return provider_error(data.decode("utf-8", "replace"))
        return DialectError(self.NAME, data, why)


def decode(data: bytes) -> tuple[list[Any], int, str]:
    """Return what `load_values` does, in the quick way where that can read `data`."""
    try:
        return [_decode_any(data)], 0, ""
    except (ValueError, RecursionError):
        return load_values(data)


def _unwrapped(values: list[Any]) -> list[Any]:
    """Return `values`, an object in a list as the object: so Google wraps errors where no array was asked for."""
    return [v[0] if isinstance(v, list) and len(v) == 1 and isinstance(v[0], Mapping) else v for v in values]


def _told_error(value: Any) -> ProviderError:
    found = find_error(value) if isinstance(value, Mapping) else None
    return provider_error(value if found is None else found, value)
