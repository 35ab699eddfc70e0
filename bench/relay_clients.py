"""Whom the relay's bench lets work on a server: readers, and producers outside of it (Linux).

All are in one process around one epoll, as they share two cores with the server that is measured: a token costs a
reader two system calls and little more.
"""

import select
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Protocol
from urllib.parse import urlsplit

_ANSWER = 4096
_BUFFER = bytearray(1 << 18)
"""For all of them in turn: to allocate so much at each read can cost more than the read."""


class Loop:
    """Calls whom bytes have come for, and in time who produces."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._calls: dict[int, Callable[[], bool]] = {}
        self._sockets: list[socket.socket] = []

    def add(self, connection: socket.socket, call: Callable[[], bool]) -> None:
        """Call this whenever there is something to receive, until it returns False."""
        connection.setblocking(False)
        self._sockets.append(connection)
        self._calls[connection.fileno()] = call
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def run(self, going_on: Callable[[], bool], until: float, tick: Callable[[], float]) -> None:
        """Run while something goes on, but not after a time of the monotonic clock.

        Args:
            going_on: Whether it does.
            until: That time.
            tick: Produces; returns in how many seconds it wants to again.
        """
        while going_on() and (left := until - time.monotonic()) > 0:
            for number, _ in self._poll.poll(min(left, tick())):
                if not self._calls[number]():
                    self._poll.unregister(number)

    def close(self) -> None:
        """Hang up."""
        for connection in self._sockets:
            connection.close()
        self._poll.close()


class Reader:
    """Follows one stream. The tokens' latencies go into `latencies`, in nanoseconds.

    What is not newer than the token before is not counted: some protocols say the whole text again at its end.
    """

    def __init__(self, loop: Loop, url: str, path: str, latencies: list[int]) -> None:
        host = urlsplit(url)
        connection = socket.create_connection((host.hostname, host.port), timeout=60)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
        began = connection.recv(12)
        if not began.endswith(b" 200"):
            raise RuntimeError(f"{path} was answered with {began + connection.recv(1000)!r}")
        self._receive = connection.recv_into
        self._latencies = latencies
        self._newest = 0
        self._rest = b""
        loop.add(connection, self._take)

    def _take(self) -> bool:
        try:
            size = self._receive(_BUFFER)
        except ConnectionError:
            return False
        now = time.monotonic_ns()
        if not size:
            return False
        data = self._rest + _BUFFER[:size]
        start, end = data.find(b"@"), -1
        while start >= 0 and (end := data.find(b";", start)) >= 0:
            made = int(data[start + 1 : end])
            if made > self._newest:
                self._newest = made
                self._latencies.append(now - made)
            start = data.find(b"@", end)
        self._rest = data[start:] if start >= 0 else b""
        return True


class Producing(Protocol):
    """Producers outside of the server."""

    def begin(self, loop: Loop, url: str, streams: int) -> list[str]:
        """Have the streams ready; return the paths at which they are read."""
        ...

    def say(self, number: int, token: bytes) -> None:
        """Produce a token in stream `number`."""
        ...


class Pace:
    """Tokens in time: a `tick` for `Loop.run`, each stream a little later than the one before."""

    def __init__(self, producing: Producing, streams: int, rate: float, seconds: float) -> None:
        self._say = producing.say
        self._streams = streams
        self._each = 1 / (rate * streams)
        self._total = int(rate * seconds) * streams
        self._n_said = 0
        self._start = time.monotonic()

    def tick(self) -> float:
        """Say what is due; return in how many seconds something is again."""
        due = min(int((time.monotonic() - self._start) / self._each), self._total)
        for count in range(self._n_said, due):
            self._say(count % self._streams, b"@%d;" % time.monotonic_ns())
        self._n_said = due
        return 1.0 if due == self._total else max(0.001, self._start + (due + 1) * self._each - time.monotonic())


class Appenders:
    """Producers that append over HTTP (Durable Streams), one request at a time each: it has what came meanwhile."""

    def begin(self, loop: Loop, url: str, streams: int) -> list[str]:
        """See `Producing`."""
        host = urlsplit(url)
        client = HTTPConnection(host.netloc)
        self._waiting: list[list[bytes]] = [[] for _ in range(streams)]
        self._busy = [False] * streams
        self._connections = []
        self._heads = []
        for number in range(streams):
            path = f"/v1/stream/appended/{number}"
            client.request("PUT", path, headers={"Content-Type": "application/json"})
            client.getresponse().read()
            head = f"POST {path} HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
            self._heads.append(head.encode())
            connection = socket.create_connection((host.hostname, host.port))
            self._connections.append(connection)
            loop.add(connection, lambda number=number: self._answered(number))  # type: ignore[misc]
        client.close()
        return [f"/v1/stream/appended/{number}?offset=-1&live=sse" for number in range(streams)]

    def say(self, number: int, token: bytes) -> None:
        """See `Producing`."""
        self._waiting[number].append(b'{"type":"text","text":"%b"}' % token)
        if not self._busy[number]:
            self._send(number)

    def _send(self, number: int) -> None:
        body = b"[" + b",".join(self._waiting[number]) + b"]"
        self._waiting[number], self._busy[number] = [], True
        self._connections[number].send(b"%b%d\r\n\r\n%b" % (self._heads[number], len(body), body))

    def _answered(self, number: int) -> bool:
        answer = self._connections[number].recv(_ANSWER)
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            raise RuntimeError(f"an append was answered with {answer!r}")
        self._busy[number] = False
        if self._waiting[number]:
            self._send(number)
        return True


class Upstream:
    """A model's server, which the relay asks for each generation (OpenAI's chat completions)."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._connections: list[socket.socket] = []

    def begin(self, loop: Loop, url: str, streams: int) -> list[str]:
        """See `Producing`."""
        client = HTTPConnection(urlsplit(url).netloc)
        paths = []
        for number in range(streams):
            client.request("POST", "/generations", b'{"messages":[{"role":"user","content":"%d"}]}' % number)
            paths.append(client.getresponse().read().decode().partition('"url":"')[2].partition('"')[0])
            self._connections.append(self._accept())
        client.close()
        return paths

    def _accept(self) -> socket.socket:
        connection = self._listening.accept()[0]
        asked = b""
        while not asked.endswith(b"}"):
            asked += connection.recv(_ANSWER)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        return connection

    def say(self, number: int, token: bytes) -> None:
        """See `Producing`."""
        said = b'{"index":0,"delta":{"content":"%b"},"finish_reason":null}' % token
        head = b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench","choices":['
        self._connections[number].send(b"data: %b%b]}\n\n" % (head, said))

    def close(self) -> None:
        """Hang up."""
        for connection in [self._listening, *self._connections]:
            connection.close()


def no_tick() -> float:
    """Produce nothing: the server does."""
    return 1.0
