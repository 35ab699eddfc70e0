"""The server of the socket benchmark: it says 50 tokens a second on each connection, one event a write.

One process for all clients, raw epoll, so that it keeps up with the quickest of them. Each event's text is the time at
which it was sent, in nanoseconds of CLOCK_MONOTONIC, which is one clock for all processes of a machine. A client that
does not read keeps its place: what does not fit into its socket is dropped, event by event.

python -m bench.socket_server: prints its port, and runs until standard input ends.
"""

import select
import socket
import sys
import time

RATE = 50  # tokens a second on each connection
SLOTS = 20  # in a token's time: the connections take turns, so that the writes are spread evenly
TICK = 1 / RATE / SLOTS  # seconds

_BEFORE = (
    b'data: {"id":"chatcmpl-BkkWwZxkZ5lJ9wqkzYtA2Jv2hXr7x","object":"chat.completion.chunk","created":1750000000,'
    b'"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_a288987b44",'
    b'"choices":[{"index":0,"delta":{"content":"%019d"},"logprobs":null,"finish_reason":null}],'
    b'"usage":null,"obfuscation":"abcdef"}\n\n'
)
EVENT_SIZE = len(_BEFORE % 0)
CHUNK = b"%x\r\n%b\r\n" % (EVENT_SIZE, _BEFORE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Stream:
    """One connection: `rest` is what its socket did not take of the last event."""

    __slots__ = ("asked", "rest", "slot", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.asked = b""
        self.slot: set[Stream] | None = None
        self.rest = b""

    def send(self, data: bytes) -> None:
        data = self.rest or data
        try:
            self.rest = data[self.socket.send(data) :]
        except BlockingIOError:
            pass
        except OSError:  # it has left; the poll will say so, too
            self.rest = b""


class Server:
    """All connections, and the slots in which they take turns."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4_096)
        self.listening.setblocking(False)
        self.port = self.listening.getsockname()[1]
        self.streams: dict[int, Stream] = {}
        self.slots: list[set[Stream]] = [set() for _ in range(SLOTS)]
        self.poll = select.epoll()
        self.poll.register(self.listening, select.EPOLLIN)
        self.poll.register(sys.stdin, select.EPOLLIN)

    def run(self) -> None:
        due, tick = time.monotonic(), 0
        while self.take_in(max(0.0, due - time.monotonic())):
            if time.monotonic() < due:
                continue
            for stream in self.slots[tick % SLOTS]:
                stream.send(CHUNK % time.monotonic_ns())
            tick += 1
            due = max(due + TICK, time.monotonic() - 1)  # a second late: forget it

    def take_in(self, timeout: float) -> bool:
        """Wait for connections, requests and departures; return whether to go on."""
        for number, _ in self.poll.poll(timeout):
            if number == self.listening.fileno():
                self.accept()
            elif number == sys.stdin.fileno():
                return False
            else:
                self.read(self.streams[number])
        return True

    def accept(self) -> None:
        connection, _ = self.listening.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.streams[connection.fileno()] = Stream(connection)
        self.poll.register(connection, select.EPOLLIN)

    def read(self, stream: Stream) -> None:
        try:
            data = stream.socket.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self.forget(stream)
            return
        stream.asked += data
        if stream.slot is None and b'"stream"' in stream.asked:  # the body of the request is here
            stream.socket.send(HEAD)
            stream.slot = min(self.slots, key=len)
            stream.slot.add(stream)

    def forget(self, stream: Stream) -> None:
        if stream.slot is not None:
            stream.slot.discard(stream)
        del self.streams[stream.socket.fileno()]
        stream.socket.close()


if __name__ == "__main__":
    server = Server()
    print(server.port, flush=True)
    server.run()
