"""A server on the loopback that answers as it is told, fault for fault, and sees how its clients behave.

It runs in one thread of its own. Each request is answered by a script (`steps.py`), which has every write, every wait
and every way to end in its hand. Of each connection the server knows what was asked on it, and when and how the client
hung up: it reads all the time, so that it sees this at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

LINGER_0 = struct.pack("ii", 1, 0)
"""SO_LINGER of no time at all: closing sends an RST."""


@dataclass(frozen=True)
class Received:
    """A request: `headers` have names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Departure:
    """When a client hung up, in seconds of `time.monotonic`, and by what."""

    at: float
    how: Literal["fin", "reset"]


class Connection(asyncio.Protocol):
    """One connection, from the server's side.

    Attributes:
        requests: What was asked on it.
        left: When and how the client hung up; ``None`` while it did not, or where the server ended it.
        chunked: Whether `body` writes chunks, as the head of the response has promised.
    """

    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.requests: list[Received] = []
        self.left: Departure | None = None
        self.chunked = False
        self.closed = asyncio.Event()
        self._server = server
        self._buffer = b""
        self._answering: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    # -- for the scripts

    @property
    def is_open(self) -> bool:
        return not self.transport.is_closing()

    @property
    def is_gone(self) -> bool:
        """Whether the socket is closed, which comes after all that the transport tells of its closing."""
        return bool(self.transport.get_extra_info("socket").fileno() < 0)

    async def write(self, data: bytes) -> None:
        """Write `data` as it is, in one piece, and wait until the system has taken it."""
        self.transport.write(data)
        await self._writable.wait()

    async def body(self, data: bytes) -> None:
        """Write `data` as a piece of the response's body."""
        await self.write(self.framed(data))

    def framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked and data else data

    def reset(self) -> None:
        """End the connection by an RST."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        self.transport.abort()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(1, 0)  # under TLS asyncio would never resume after a limit of 0
        self._server.connections.append(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._answer_next()

    def eof_received(self) -> None:
        self._leave("fin")

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._leave("reset")
        if self._answering is not None:
            self._answering.cancel()
        self._writable.set()
        self.closed.set()
        self._server._tell()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _leave(self, how: Literal["fin", "reset"]) -> None:
        if self.left is None:
            self.left = Departure(time.monotonic(), how)
            self._server._tell()

    def _answer_next(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end or self._answering is not None:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, target, _ = first.split(" ")
        request = Received(method, target, headers, rest[:length])
        self.requests.append(request)
        self._answering = asyncio.create_task(self._answer(self._server._script(request)))

    async def _answer(self, script: Script) -> None:
        await script(self)
        self._answering = None
        self._answer_next()


Script = Callable[[Connection], Awaitable[None]]


class Server:
    """What one test serves.

    Attributes:
        url: Where it is.
        connections: All that were ever made to it, in their order.
        requests: All that was asked, in its order.
    """

    def __init__(self, choose: Callable[[int, Received], Script], context: ssl.SSLContext | None) -> None:
        self.url = ""
        self._context = context
        self.connections: list[Connection] = []
        self.requests: list[Received] = []
        self._choose = choose
        self._news = threading.Condition()

    def departure(self, connection: int = 0, timeout: float = 5.0) -> Departure | None:
        """Wait until the client of that connection has hung up; return when and how, or ``None`` if it did not."""
        with self._news:
            self._news.wait_for(lambda: self.connections[connection].left, timeout)
        return self.connections[connection].left

    def all_departed(self, timeout: float = 5.0) -> bool:
        """Wait until no client is connected any more: it has hung up, or the server has, as far as the system."""
        deadline = time.monotonic() + timeout
        while not all(connection.left or connection.is_gone for connection in self.connections):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _script(self, request: Received) -> Script:
        self.requests.append(request)
        return self._choose(len(self.requests) - 1, request)

    async def _run(self, stop: asyncio.Event, started: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=2_048, ssl=self._context)
        self.url = f"http{'s' if self._context else ''}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        started.set()
        await stop.wait()
        listening.close()
        for connection in self.connections:
            connection.transport.abort()
        await asyncio.gather(*(connection.closed.wait() for connection in self.connections))


@contextmanager
def serving(
    *scripts: Script, choose: Callable[[int, Received], Script] | None = None, context: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve each request by the script whose turn it is, the last one for all that follow.

    Args:
        scripts: Usually made by `steps.answer`.
        choose: Gives the script instead, for the number of the request, counted from 0, and the request.
        context: Makes it speak TLS.
    """
    server = Server(choose or (lambda number, request: scripts[min(number, len(scripts) - 1)]), context)
    loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(server._run(stop, started))

    thread = threading.Thread(target=run, name="fault server")
    thread.start()
    try:
        if not started.wait(10):
            raise RuntimeError("the fault server did not start")
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def refused_url() -> str:
    """Return the URL of a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
