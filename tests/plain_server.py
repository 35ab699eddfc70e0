"""A small HTTP server on raw sockets: it says what a test tells it to, and knows when its clients hang up."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nx-request-id: r1\r\n\r\n"
LAST = b"0\r\n\r\n"
PATIENCE = 10.0  # seconds: nothing that is tested lasts longer


class Peer:
    """One connection, from the server's side."""

    def __init__(self, server: PlainServer, connection: socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def event(self, data: bytes) -> None:
        """Send one event as one chunk."""
        body = b"data: " + data + b"\n\n"
        self.chunk(body)

    def chunk(self, body: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(body), body))

    def say(self, *words: str) -> None:
        for word in words:
            self.event(b'{"choices":[{"index":0,"delta":{"content":"%s"}}]}' % word.encode())

    def finish(self) -> None:
        """End the stream as a server should."""
        self.event(b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
        self.event(b"[DONE]")
        self.send(LAST)

    def refuse(self, status: str, body: bytes, **headers: str) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def wait_for_hangup(self, every: float | None = None, send: bytes = b"") -> None:
        """Wait until the client hangs up; meanwhile send something from time to time."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self._socket.settimeout(every or PATIENCE)
            with suppress(TimeoutError):
                if not self._socket.recv(65_536):
                    raise ConnectionResetError
            if send:
                self.send(send)

    def read_request(self) -> bytes:
        """Return the body of the next request; raise once the client has hung up."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int({name.lower(): value for name, value in fields.items()}.get(b"content-length", 0))
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        self._server.heads.append(head)
        self._server.bodies.append(body)
        return body

    def _receive(self) -> None:
        self._socket.settimeout(PATIENCE)
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionResetError
        self._buffer += data


Script = Callable[[Peer, int], None]


class PlainServer:
    """What one test serves.

    Attributes:
        script: What is done about each request; it is given its number, counted from 1.
        heads, bodies: The requests.
        n_connections: How many connections were made.
        hangups: When a client has hung up, in seconds of the monotonic clock.
    """

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self._context = context
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.n_connections = 0
        self.hangups: list[float] = []
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._listener.getsockname()[1]}/v1/chat/completions"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.n_connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            peer = Peer(self, connection)
            while True:
                peer.read_request()
                self.script(peer, len(self.bodies))
        except OSError:
            pass  # the client has hung up, or the script wants it to
        finally:
            with self._changed:
                self.hangups.append(time.monotonic())
                self._open.discard(connection)
                connection.close()
                self._changed.notify_all()

    def wait_for_hangup(self) -> float:
        """Return when the first client hung up, waiting for it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.hangups, PATIENCE), "the client is still there"
        return self.hangups[0]

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)


@contextmanager
def plain_server(script: Script, context: ssl.SSLContext | None = None) -> Iterator[PlainServer]:
    server = PlainServer(script, context)
    acceptor = threading.Thread(target=server.run, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.close()
        acceptor.join(PATIENCE)
