"""Serve the relay with uvicorn, in one process or several."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from .app import RETENTION, create_app
from .engines import EngineSpec
from .logs import LOGGING
from .metrics import FOLDER
from .stores import open_store
from .subscriptions import client_for

SHUTDOWN = 15
"""Seconds that responses have to end after the signal."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is served, where; see `create_app`.

    Attributes:
        host: The address.
        port: 0 is a free one.
        workers: How many processes; each loads the engines.
    """

    host: str
    port: int
    store: str
    engines: list[EngineSpec] = []
    cors: list[str] = []
    webhooks: list[str] = []
    token: str | None = None
    retention: int | None = RETENTION
    workers: int = 1
    vendor: Path | None = None


def serve(settings: Settings, told: Callable[[str], None]) -> None:
    """Serve until somebody ends this process; `told` is called with the URL when it listens.

    Raises:
        CallerError: A webhook's origin is none.
        OSError: It cannot listen there.
        StoreError: The store cannot be opened.
    """
    client_for(settings.webhooks)
    asyncio.run(_try(settings.store))
    config = uvicorn.Config(
        partial(_application, settings),
        factory=True,
        workers=settings.workers,
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN,
    )
    with _listening(settings.host, settings.port) as listening:
        told(_url(settings.host, listening.getsockname()[1]))
        if settings.workers == 1:
            uvicorn.Server(config).run([listening])
            return
        with TemporaryDirectory(prefix="streamfold-metrics-") as folder:
            os.environ[FOLDER] = folder
            Multiprocess(config, [listening]).run()


def _application(settings: Settings) -> Starlette:
    """Make what one process serves."""
    collect_seldom()
    return create_app(
        settings.store,
        engines=settings.engines,
        cors=settings.cors,
        webhooks=settings.webhooks,
        token=settings.token,
        retention=settings.retention,
        vendor=settings.vendor,
    )


def collect_seldom() -> None:
    """Let the garbage collector look around seldom in this process, and not at what is there from the start.

    Hardly anything here is garbage that only it finds, and its look at everything stops all readers: with 1,000 of them
    a token took 150 ms at p99 by CPython's thresholds, and half of it by these (``python -m bench relay``).
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _try(store: str) -> None:
    """Open the store once: what is wrong with it is told before anything is served."""
    await (await open_store(store)).close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    listening.set_inheritable(True)
    return listening


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
