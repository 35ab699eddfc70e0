"""Serve a recording over HTTP, on this machine alone, so that any client can be tested against it.

Every request, whatever its method and path, gets the recording from its start, with the status, the content type and
the timing that were recorded. A stream that ended ends; one that broke, or is cut on purpose, ends without the last
chunk of its transfer coding, which every client takes for what it is.
"""

from __future__ import annotations

import json
import select
import socket
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any

from ..errors import ProviderError
from ..intake import Options
from ..reply import Verdict
from .conversion import converted, wire_of
from .faults import Ending, Faults, Piece, spoiled
from .pacing import paced
from .source import Recording

_NO_FAULTS = Faults()

_POLL = 0.2
"""Seconds between two looks at whether the client is still there, while there is nothing to send."""


class ReplayServer(ThreadingHTTPServer):
    """A server of one recording, on loopback.

    Args:
        recording: What is served.
        to: As which dialect, if not as its own. Text and decoded chunks are served as OpenAI chat.
        speed: How many times faster than it was recorded; ``None`` is at once.
        faults: How it is spoiled.
        port: Where it listens; 0 takes a free one.
        options: How it is read, for another dialect.

    Raises:
        CallerError: There is no encoder for that dialect.
    """

    daemon_threads = True

    def __init__(
        self,
        recording: Recording,
        *,
        to: str | None = None,
        speed: float | None = 1.0,
        faults: Faults = _NO_FAULTS,
        port: int = 0,
        options: Options | None = None,
    ) -> None:
        wire = converted(recording, to, options or {}) if to else wire_of(recording, options or {})
        self.headers = wire.headers
        self.pieces, self.ending = spoiled(wire.pieces, faults)
        how = recording.ending
        self.status = _status(recording)
        if how is not None and isinstance(how.error, ProviderError) and not wire.pieces:  # no stream, but an answer
            self.pieces = [Piece(recording.last.ended_at or 0.0, _refusal(how.error))]
            self.headers = {"content-type": "application/json"}
            self.status = how.error.status or 500
        elif how is not None and how.verdict is not Verdict.CANCELLED and self.ending is Ending.END:
            self.ending = Ending.CUT
        self.speed = speed
        self.stopped = Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_close(self) -> None:
        """Stop listening, and let go of the clients that wait."""
        self.stopped.set()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client has left: that is no error here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _replay(self) -> None:
        server = self._replays
        self._skip_body()
        self.send_response(server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in paced(server.pieces, server.speed, server.stopped.wait):
            if server.stopped.is_set():
                break
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece.data), piece.data))
        if server.ending is Ending.STALL:
            self._wait_for_the_client()
        if server.ending is Ending.END and not server.stopped.is_set():
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _replay  # noqa: N815 (http.server looks for them)

    def _skip_body(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (data := self.rfile.read(min(left, 65_536))):
            left -= len(data)

    def _wait_for_the_client(self) -> None:
        while not self._replays.stopped.wait(_POLL):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    @property
    def _replays(self) -> ReplayServer:
        assert isinstance(self.server, ReplayServer)
        return self.server

    def log_message(self, format: str, *values: Any) -> None:
        """Log nothing: the command tells what it serves."""


def _status(recording: Recording) -> int:
    status = (recording.last.response or {}).get("status")
    return status if isinstance(status, int) else 200


def _refusal(error: ProviderError) -> bytes:
    body = error.body if error.body is not None else {"error": {"message": error.message, "type": error.type}}
    return json.dumps(body).encode()
