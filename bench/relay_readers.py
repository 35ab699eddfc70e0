"""The readers of the relay's bench: one process, one epoll, nothing between a token and its time (Linux).

They share two cores with the server that is measured, so a token costs them two system calls and a regular expression.
"""

import re
import select
import socket
import time
from contextlib import suppress
from typing import Any

_TOKEN = re.compile(rb"@(\d+);")
_MOST_OF_A_TOKEN = 32
_BUFFER = 1 << 18


class Readers:
    """Connections that each follow one stream of the server at `host`, `port`.

    Attributes:
        latencies: Of each token that a reader got, in nanoseconds.
        n_repeated: Tokens that a reader had already: the last event of some protocols says the whole text again.
    """

    def __init__(self, host: str, port: int) -> None:
        self.latencies: list[int] = []
        self.n_repeated = 0
        self._address = (host, port)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._receive: dict[int, Any] = {}
        self._rest: dict[int, bytes] = {}
        self._newest: dict[int, int] = {}

    def open(self, path: str) -> None:
        """Ask for a stream, and wait for the first of the answer."""
        reader = socket.create_connection(self._address, timeout=60)
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._address[0]}:{self._address[1]}\r\n\r\n".encode())
        began = reader.recv(12)
        if not began.endswith(b" 200"):
            raise RuntimeError(f"{path} was answered with {began + reader.recv(1000)!r}")
        reader.setblocking(False)
        number = reader.fileno()
        self._sockets[number], self._receive[number], self._newest[number] = reader, reader.recv, 0
        self._poll.register(number, select.EPOLLIN)

    def read(self, count: int, until: float) -> None:
        """Read until there are `count` tokens in all, or until a time of the monotonic clock."""
        while len(self.latencies) < count and (left := until - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left):
                self._take(number)

    def _take(self, number: int) -> None:
        data = b""
        with suppress(ConnectionError, BlockingIOError):
            data = self._receive[number](_BUFFER)
        now = time.monotonic_ns()
        if not data:
            self._poll.unregister(number)
            return
        data = self._rest.pop(number, b"") + data
        end, newest = 0, self._newest[number]
        for token in _TOKEN.finditer(data):
            end, made = token.end(), int(token[1])
            if made > newest:
                newest = made
                self.latencies.append(now - made)
            else:
                self.n_repeated += 1
        self._newest[number] = newest
        if (begun := data.rfind(b"@", max(end, len(data) - _MOST_OF_A_TOKEN))) >= 0:
            self._rest[number] = data[begun:]

    def close(self) -> None:
        """Hang up."""
        for reader in self._sockets.values():
            reader.close()
        self._poll.close()
