"""The files that browsers get: the chat page at ``/``, the lesson at ``/learn/``; each is a folder of this package.

Each comes with a policy that lets it load what it needs and nothing else (CSP level 3). The chat page may run its own
files and connect to this server, no more: a model on the device runs in a worker, ``/learn/engines/worker.js``, which
has a policy of its own. That worker, and the lesson, may also compile WebAssembly, load engines (the lesson: Python)
from the mirror that ``places.js`` names, and fetch weights from where WebLLM's list has them. All are isolated from
other origins, without which a browser gives no threads to WebAssembly.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

import msgspec
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..engines.local import find_model
from ..errors import EngineError

_PACKAGE = Path(__file__).parents[1]
_MIRROR = "https://cdn.jsdelivr.net"
_ENGINES = f"{_MIRROR}/npm/@mlc-ai/ {_MIRROR}/npm/@wllama/"
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
        scripts: Where else its scripts may come from, as in a policy, and what else they may do.
        workers: Where else its workers may come from.
        connections: What else it may connect to.
    """

    url: str
    path: Path
    scripts: str = ""
    workers: str = ""
    connections: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with every file of it."""
        sources = {
            "default-src": "'none'",
            "script-src": f"'self' {self.scripts}",
            "worker-src": f"'self' {self.workers}",
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


_WASM = "'wasm-unsafe-eval'"
_BLOB = "blob:"  # as which engines start workers of their own, under the same policy
LESSON = Folder("/learn", _PACKAGE / "lesson", f"{_WASM} {_MIRROR}", _BLOB, f"{_MIRROR} {_WEIGHTS}")
ENGINES = Folder("/learn/engines", LESSON.path / "engines", f"{_WASM} {_ENGINES}", _BLOB, f"{_ENGINES} {_WEIGHTS}")
CHAT = Folder("/", _PACKAGE / "relay" / "page")


def routes(vendor: Path | None = None) -> list[BaseRoute]:
    """Return the routes of the pages, the longer paths first.

    Args:
        vendor: A folder with packages and models for the engines in the browser, served at ``/learn/vendor/``; see
            ``docs/on-device.md``.
    """
    for suffix, kind in _TYPES.items():  # a machine's own table may say otherwise, and browsers take no script then
        mimetypes.add_type(kind, suffix)
    own = [] if vendor and (vendor / "models.json").is_file() else [Route("/learn/vendor/models.json", _models)]
    return [
        Route("/learn/vendor/streamfold.zip", _archive),
        *own,
        Route("/learn/vendor/default.gguf", _default_model),
        *([Mount("/learn/vendor", StaticFiles(directory=vendor, follow_symlink=True))] if vendor else []),
        *map(_mount, (ENGINES, LESSON, CHAT)),
    ]


def _mount(folder: Folder) -> Mount:
    files = StaticFiles(directory=folder.path, html=True)
    return Mount(folder.url, files, middleware=[Middleware(_WithHeaders, headers=folder.headers)])


def _models(request: Request) -> Response:
    """Offer the embedded engine's default model to the browser's processor, if it is installed."""
    try:
        model = find_model()
    except EngineError:
        return JSONResponse({})
    megabytes = round(model.stat().st_size / 1e6)
    return JSONResponse({"wllama": [{"id": model.stem, "megabytes": megabytes, "file": "default.gguf"}]})


def _default_model(request: Request) -> Response:
    try:
        return FileResponse(find_model())
    except EngineError:
        return Response(status_code=404)


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
