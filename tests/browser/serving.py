"""A static file server on loopback, as any would do."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


@contextmanager
def serving(folders: Mapping[str, Path]) -> Iterator[str]:
    """Serve each folder under its prefix (``/x/``); yield the server's address."""
    prefixes = sorted(folders, key=len, reverse=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            file = next((folders[p] / path.removeprefix(p) for p in prefixes if path.startswith(p)), None)
            if file is not None and (file.is_dir() or path.endswith("/")):
                file = file / "index.html"
            if file is not None and file.is_file():
                self._send(200, file.read_bytes(), TYPES.get(file.suffix) or mimetypes.guess_type(file)[0])
            else:
                self._send(404, b"not found", "text/plain")

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def _send(self, status: int, body: bytes, kind: str | None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind or "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
