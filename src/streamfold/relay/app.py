"""The application: the views over one log, as ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import static
from .access import Access, Guard
from .ending import end
from .engines import EngineSpec, open_engines
from .errors import RelayError, StoreError
from .generating import Generations
from .http import refusal
from .limits import DEFAULTS, Limits
from .log import Log
from .metrics import Metrics
from .observing import Observed, ended
from .shutdown import early_notice
from .sse import SEND_BODY
from .stores import open_store
from .subscriptions import Subscriptions, client_for
from .views import durable_streams, openai_chat, openai_responses, operations, ui_messages
from .views import generations as generations_view
from .views import subscriptions as subscriptions_view

RETENTION = 24 * 3600
"""Seconds without use after which a generation is forgotten."""
SWEEP = 1.0
"""Seconds between two looks for lost producers and expired streams."""


class State(TypedDict):
    """What requests find under ``request.state``."""

    log: Log
    generations: Generations
    subscriptions: Subscriptions
    access: Access
    metrics: Metrics


def create_app(
    store: str,
    *,
    engines: Sequence[EngineSpec] = (),
    limits: Limits = DEFAULTS,
    cors: Sequence[str] = (),
    token: str | None = None,
    retention: int | None = RETENTION,
    webhooks: Sequence[str] = (),
    vendor: Path | None = None,
) -> Starlette:
    """Return the relay as an ASGI application.

    Args:
        store: Where streams are kept; see `stores.open_store`. Opened at startup, closed at shutdown.
        engines: What answers; loaded at startup.
        limits: What is bounded.
        cors: Origins whose pages may use the relay; ``*`` for all.
        token: The bearer token; without one, serve it on the loopback alone.
        retention: After how many seconds without use a generation is forgotten; ``None`` for never.
        webhooks: Origins to which subscriptions may send webhooks, see `webhooks.Webhooks`; none by default.
        vendor: A folder with packages and models for the engines in the browser; see ``docs/on-device.md``.
    """
    access, metrics, sender = Access(token, cors), Metrics(), client_for(webhooks)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with (
            _running(store, engines, limits, retention, metrics) as (log, generations),
            Subscriptions(log, sender) as subscriptions,
        ):
            app.state.log = log
            yield {
                "log": log,
                "generations": generations,
                "subscriptions": subscriptions,
                "access": access,
                "metrics": metrics,
            }

    guard = [Middleware(Guard, access=access)]
    # Subscriptions first: their paths look like streams'.
    views = (
        subscriptions_view,
        durable_streams,
        generations_view,
        openai_chat,
        openai_responses,
        ui_messages,
        operations,
    )
    guarded = [
        Route(route.path, route.endpoint, methods=route.methods, middleware=guard)
        for view in views
        for route in view.ROUTES
    ]
    return _Relay(
        routes=[*subscriptions_view.OPEN_ROUTES, *guarded, *operations.OPEN_ROUTES, *static.routes(vendor)],
        middleware=[
            Middleware(Observed, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=access.hosts, www_redirect=False),
            Middleware(
                CORSMiddleware,
                allow_origins=cors,
                allow_methods=["GET", "HEAD", "PUT", "POST", "DELETE"],
                allow_headers=ALLOWED_HEADERS,
                expose_headers=EXPOSED_HEADERS,
            ),
        ],
        exception_handlers={RelayError: _refuse},
        lifespan=lifespan,
    )


class _Relay(Starlette):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what has many bodies to send may pass all middleware by."""
        scope[SEND_BODY] = send
        await super().__call__(scope, receive, send)


@asynccontextmanager
async def _running(
    store: str, engines: Sequence[EngineSpec], limits: Limits, retention: int | None, metrics: Metrics
) -> AsyncIterator[tuple[Log, Generations]]:
    """Open everything; at the end, end what runs before the readers are let go."""
    async with AsyncExitStack() as stack:
        opened = await open_store(store)
        stack.push_async_callback(opened.close)
        loaded = await open_engines(engines)
        stack.push_async_callback(loaded.close)
        log = Log(opened, limits)
        generations = Generations(log, loaded, retention, ended(metrics))
        tasks = {asyncio.create_task(_sweep(log, generations, metrics))}

        async def wind_down() -> None:
            await generations.stop()
            log.stop()  # readers have the ends by now

        try:
            with early_notice(lambda: tasks.add(asyncio.create_task(wind_down()))):
                yield log, generations
        finally:
            await wind_down()
            await end(*tasks)


ALLOWED_HEADERS = [
    *("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Idempotency-Key"),
    *("Stream-Closed", "Stream-Expires-At", "Stream-Seq", "Stream-TTL"),
    *("Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset"),
    *("Producer-Id", "Producer-Epoch", "Producer-Seq"),
]
EXPOSED_HEADERS = [
    *("ETag", "Location", "Retry-After", "X-Generation-Id"),
    *("Stream-Next-Offset", "Stream-Cursor", "Stream-Up-To-Date", "Stream-Closed"),
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


async def _sweep(log: Log, generations: Generations, metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        metrics.going_on(generations.n_running, log.tails.readers)
        with suppress(StoreError):  # the next one may go better
            while await log.sweep() >= 100:
                pass
