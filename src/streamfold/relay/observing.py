"""Log and count each request and each generation, without what was said in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..reply import Reply
from .metrics import Metrics
from .records import Start

_logger = logging.getLogger(__name__)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}


class Observed:
    """Logs and counts every request when its response is finished.

    Args:
        app: What answers.
        metrics: Where it is counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.answered(method, status)
            if _logger.isEnabledFor(logging.INFO):
                said = {"method": method, "path": scope["path"], "status": status}
                _logger.info("request", extra={**said, "seconds": round(monotonic() - began, 4)})


def ended(metrics: Metrics) -> Callable[[Start, Reply], None]:
    """Return what logs and counts a generation that has ended."""

    def told(start: Start, reply: Reply) -> None:
        metrics.ended(start, reply)
        timing = reply.timing
        said = {
            "id": start.id,
            "engine": start.engine,
            "model": start.model,
            "verdict": str(reply.verdict),
            "output_tokens": reply.usage.output_tokens,
            "first": timing and timing.first and round(timing.first, 4),
            "total": timing and round(timing.total, 4),
            "error": reply.error and type(reply.error).__name__,
        }
        _logger.info("generation", extra=said)

    return told
