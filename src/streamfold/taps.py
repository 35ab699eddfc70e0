"""Watch a stream go by: what was asked, what came when, how it ended.

A tap is told and decides nothing; recordings and telemetry are taps. Times are seconds of the monotonic clock. What it
raises is the caller's mistake and passes through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .network.request import Request
    from .reply import Reply


class Tap:
    """Watch one stream; what is not overridden does nothing."""

    def request(self, request: Request, attempt: int, now: float) -> None:
        """An attempt begins: `request` is about to be made. `attempt` counts from 1 over all endpoints."""

    def response(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """The head of a response came; all its headers, which may hold what must not be told."""

    def chunk(self, chunk: Any, now: float) -> None:
        """One read gave `chunk`: of a request the bytes, decompressed; of another source whatever it gives."""

    def retry(self, why: str, wait: float, now: float) -> None:
        """The attempt failed, and another one follows in `wait` seconds."""

    def end(self, reply: Reply, now: float) -> None:
        """The stream has ended, with `reply`."""
