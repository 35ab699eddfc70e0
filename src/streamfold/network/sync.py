"""Read from a server, sync: open a request, watch the clocks, let go of the connection.

Decides nothing: `attempts` says what to ask, `clocks` how long to wait, `responses` what a stream is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import monotonic, time

from ..clocks import Clock, Deadline, Timeouts
from ..course import Course
from .responses import MAX_REFUSAL_BYTES, REFUSAL_SECONDS, is_stream, refusal
from .transports import DRAIN_BYTES, DRAIN_SECONDS, Exchange, Opening, Transport
from .watch import Watch


class Network:
    """What a `Stream` reads from, where it is a server.

    Args:
        course: What is asked, and how long that may take.
        transport: Who asks.
    """

    def __init__(self, course: Course, transport: Transport) -> None:
        self._course = course
        self._transport = transport
        self._exchange: Exchange | None = None
        self._interrupt: Callable[[], object] = bool  # nothing to interrupt yet
        self._left = False
        self._awake = Event()
        self._watch = Watch(course.clock, self._break)
        self.look = self._watch.look

    def read(self) -> bytes:
        """Return what came.

        Raises:
            StopIteration: The response has ended.
            ProviderError: It is not a stream.
            OSError: The network broke.
        """
        self._watch.begin()
        try:
            if self._exchange is None:
                self._exchange = self._open()
            data = self._exchange.read()
        finally:
            self._watch.since = None
        if not data:
            raise StopIteration
        return data

    @property
    def passed(self) -> Deadline | None:
        """The deadline that passed in a read."""
        return self._watch.passed

    def close(self, finished: bool = False) -> None:
        """Let go of the connection; keep it if the stream is `finished` and the response soon is."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            if finished:
                self._drain(exchange)
        finally:
            exchange.close()

    def again(self) -> None:
        """Let go of the connection of a failed attempt, and begin the clocks of the next one."""
        self.close()
        self._watch.reset()
        self._awake.clear()

    def end(self, finished: bool, cause: BaseException | None = None) -> None:
        """Let go of the connection, and of the clocks: there is no other attempt."""
        try:
            self.close(finished)
        finally:
            self._watch.stop()

    def interrupt(self) -> None:
        """Make whatever blocks in another thread end; there is no other attempt."""
        self._left = True
        self._break()

    def _open(self) -> Exchange:
        attempts = self._course.attempts
        assert attempts is not None
        if attempts.wait and not self._left:
            self._awake.wait(attempts.wait)
        opening = Opening(*self._course.open_limits(monotonic()))
        self._interrupt = opening.interrupt
        if self._is_over:
            raise ConnectionError("the stream was left")
        request = attempts.request
        self._course.asked(monotonic())
        exchange = self._transport.open(request, opening)
        self._interrupt = exchange.interrupt
        if self._is_over:  # just before
            exchange.interrupt()
        if not is_stream(exchange.status, exchange.headers):
            raise refusal(request, exchange.status, exchange.headers, self._start(exchange), time())
        self._course.answered(exchange.status, exchange.headers, monotonic())
        return exchange

    def _start(self, exchange: Exchange) -> bytes:
        """Return the first bytes of a response that is not a stream; what breaks off is told as far as it came."""
        self._watch.turn_to(Clock(Timeouts(total=REFUSAL_SECONDS), monotonic()))
        self._watch.begin()
        body = b""
        try:
            with suppress(OSError):
                while len(body) < MAX_REFUSAL_BYTES and (data := exchange.read()):
                    body += data
        finally:
            exchange.close()
            self._watch.turn_to(self._course.clock)
            self._watch.reset()  # this limit was no deadline of the stream's
        return body[:MAX_REFUSAL_BYTES]

    def _drain(self, exchange: Exchange) -> None:
        self._watch.turn_to(Clock(Timeouts(total=DRAIN_SECONDS), monotonic()))
        left = DRAIN_BYTES
        with suppress(OSError):
            self._watch.begin()
            while left > 0 and (data := exchange.read()):
                left -= len(data)

    @property
    def _is_over(self) -> bool:
        return self._left or self._watch.passed is not None

    def _break(self) -> None:
        self._awake.set()
        self._interrupt()
