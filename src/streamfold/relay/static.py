"""The files that browsers get: the chat page at ``/``, the lesson at ``/learn/``; each is a folder of this package.

Each comes with a policy that lets it load what it needs and nothing else (CSP level 3): no script but its own files and
what a model on the device compiles to, no connection but to this server. The lesson may also fetch Python and engines
from the mirror that its ``places.js`` names, and weights from where its engines keep them. Both are isolated from other
origins, without which a browser gives no threads to WebAssembly.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

import msgspec
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PACKAGE = Path(__file__).parents[1]
_MIRROR = "https://cdn.jsdelivr.net"
_WEIGHTS = "https://huggingface.co https://*.huggingface.co https://*.hf.co https://raw.githubusercontent.com"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Folder(msgspec.Struct, frozen=True):
    """A page.

    Attributes:
        url: Where it is served.
        path: Where its files are.
        scripts: Where else its scripts may come from, as in a policy.
        connections: What else it may connect to, as in a policy.
    """

    url: str
    path: Path
    scripts: str = ""
    connections: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with every file of it."""
        sources = {
            "default-src": "'none'",
            "script-src": f"'self' 'wasm-unsafe-eval' {self.scripts}",
            "worker-src": "'self' blob:",
            "connect-src": f"'self' {self.connections}",
            "style-src": "'self'",
            "img-src": "'self' data: blob:",
            "font-src": "'self'",
            "manifest-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return {"Content-Security-Policy": "; ".join(f"{what} {whose.strip()}" for what, whose in sources.items())} | (
            _HEADERS
        )


LESSON = Folder("/learn", _PACKAGE / "lesson", _MIRROR, f"{_MIRROR} {_WEIGHTS}")
CHAT = Folder("/", _PACKAGE / "relay" / "page")


def routes() -> list[BaseRoute]:
    """Return the routes of the pages that are there, the longer paths first."""
    for suffix, kind in _TYPES.items():  # a machine's own table may say otherwise, and browsers take no script then
        mimetypes.add_type(kind, suffix)
    archive = Route("/learn/vendor/streamfold.zip", _archive) if _is_there(LESSON) else None
    return [*([archive] if archive else []), *[_mount(folder) for folder in (LESSON, CHAT) if _is_there(folder)]]


def _is_there(folder: Folder) -> bool:
    return (folder.path / "index.html").is_file()


def _mount(folder: Folder) -> Mount:
    files = StaticFiles(directory=folder.path, html=True)
    return Mount(folder.url, files, middleware=[Middleware(_WithHeaders, headers=folder.headers)])


def _archive(request: Request) -> Response:
    """Return this package's own Python, which the lesson runs in the browser."""
    from ..lesson import packed

    return Response(packed(), 200, {"Cache-Control": "no-cache"}, "application/zip")


class _WithHeaders:
    """Adds headers to every response."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._added]
            await send(message)

        await self._app(scope, receive, send_more)
