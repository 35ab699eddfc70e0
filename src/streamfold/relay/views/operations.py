"""For those who run it: is it well, and how much does it do."""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..http import answer, log_of
from ..metrics import CONTENT_TYPE, Metrics


async def health(request: Request) -> Response:
    """Answer ``ok`` if the store answers, else its error, a 503."""
    await log_of(request).store.read("healthz", 0, 0)
    return answer({"status": "ok"})


async def metrics(request: Request) -> Response:
    """Return the counts for Prometheus."""
    return Response(cast("Metrics", request.state.metrics).text(), 200, {"Content-Type": CONTENT_TYPE})


ROUTES = [Route("/metrics", metrics)]
OPEN_ROUTES = [Route("/healthz", health)]
"""What anybody may ask."""
