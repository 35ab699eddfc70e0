"""The application: the views over one log, as ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .ending import end
from .errors import RelayError, StoreError
from .http import refusal
from .limits import DEFAULTS, Limits
from .log import Log
from .stores import open_store
from .subscriptions import Subscriptions, client_for
from .views import durable_streams
from .views import subscriptions as subscriptions_view

SWEEP = 1.0
"""Seconds between two looks for lost producers and expired streams."""


class State(TypedDict):
    """What requests find under ``request.state``."""

    log: Log
    subscriptions: Subscriptions


def create_app(
    store: str, *, limits: Limits = DEFAULTS, cors: Sequence[str] = (), webhooks: Sequence[str] = ()
) -> Starlette:
    """Return the relay as an ASGI application.

    Args:
        store: Where streams are kept; see `stores.open_store`. Opened at startup, closed at shutdown.
        limits: What is bounded.
        cors: Origins whose pages may use the relay; ``*`` for all.
        webhooks: Origins to which subscriptions may send webhooks, see `webhooks.Webhooks`; none by default.
    """
    sender = client_for(webhooks)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        opened = await open_store(store)
        log = app.state.log = Log(opened, limits)
        sweeper = asyncio.create_task(_sweep(log))
        try:
            async with Subscriptions(log, sender) as subscriptions:
                yield {"log": log, "subscriptions": subscriptions}
        finally:
            log.stop()
            await end(sweeper)
            await opened.close()

    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=cors,
        allow_methods=["GET", "HEAD", "PUT", "POST", "DELETE"],
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
    )
    return Starlette(
        routes=[*subscriptions_view.ROUTES, *durable_streams.ROUTES],
        middleware=[Middleware(SecurityHeaders), cross_origin],
        exception_handlers={RelayError: _refuse},
        lifespan=lifespan,
    )


ALLOWED_HEADERS = [
    *("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Idempotency-Key"),
    *("Stream-Closed", "Stream-Expires-At", "Stream-Seq", "Stream-TTL"),
    *("Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset"),
    *("Producer-Id", "Producer-Epoch", "Producer-Seq"),
]
EXPOSED_HEADERS = [
    *("ETag", "Location", "Stream-Next-Offset", "Stream-Cursor", "Stream-Up-To-Date", "Stream-Closed"),
    *("Stream-TTL", "Stream-Expires-At", "Stream-SSE-Data-Encoding"),
    *("Producer-Epoch", "Producer-Seq", "Producer-Expected-Seq", "Producer-Received-Seq"),
]


class SecurityHeaders:
    """Adds to every response what keeps a browser from taking it for something else (Durable Streams 12.7)."""

    HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"cross-origin"))

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and add the headers to the answer."""

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.HEADERS]
            await send(message)

        await self.app(scope, receive, send_more if scope["type"] == "http" else send)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RelayError)
    return refusal(error)


async def _sweep(log: Log) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        with suppress(StoreError):  # the next one may go better
            while await log.sweep() >= 100:
                pass
