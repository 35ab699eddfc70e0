"""The files that browsers get: the chat page at ``/``, the lesson at ``/learn/``; each is a folder of this package.

Both come with a policy that lets them load what they brought along and nothing else (CSP level 3): no script but their
files and what a model on the device compiles to, no connection but to this server. They are isolated from other
origins, without which a browser gives no threads to WebAssembly.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PACKAGE = Path(__file__).parents[1]
FOLDERS = {"/learn": _PACKAGE / "lesson", "/": _PACKAGE / "relay" / "page"}
"""Where each is served, the longer path first."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}


def mounts() -> list[Mount]:
    """Return the folders that are there, as routes."""
    for suffix, kind in _TYPES.items():  # a machine's own table may say otherwise, and browsers take no script then
        mimetypes.add_type(kind, suffix)
    middleware = [Middleware(_PageHeaders)]
    return [
        Mount(path, StaticFiles(directory=folder, html=True), middleware=middleware)
        for path, folder in FOLDERS.items()
        if (folder / "index.html").is_file()
    ]


class _PageHeaders:
    """Adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, send_more)
