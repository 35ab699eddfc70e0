"""Read from a server, sync: open a request, watch the clocks, let go of the connection.

Decides nothing: `attempts` says what to ask, `clocks` how long to wait, `responses` what a stream is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic, time

from ..clocks import Clock, Deadline, Timeouts
from ..course import Course
from .request import Request
from .responses import MAX_REFUSAL_BYTES, REFUSAL_SECONDS, is_stream, refusal
from .transports import CANCEL_SECONDS, DRAIN_BYTES, DRAIN_SECONDS, Exchange, Opening, Transport
from .watch import Watch


class Network:
    """What a `Stream` reads from, where it is a server.

    Args:
        course: What is asked, and how long that may take.
        transport: Who asks.
    """

    def __init__(self, course: Course, transport: Transport) -> None:
        assert course.attempts is not None
        self._course = course
        self._attempts = course.attempts
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
        """Let go of a failed attempt, and begin the clocks of the next one."""
        try:
            self.close()
        finally:
            self._cancel()
            self._watch.reset()
            self._awake.clear()

    def end(self, finished: bool, cause: BaseException | None = None) -> None:
        """Let go of the attempt, and of the clocks: there is no other one."""
        try:
            self.close(finished)
        finally:
            self._watch.stop()
            self._cancel()

    def interrupt(self) -> None:
        """Make whatever blocks in another thread end; there is no other attempt."""
        self._left = True
        self._break()

    def _open(self) -> Exchange:
        if self._attempts.wait and not self._left:
            self._awake.wait(self._attempts.wait)
        opening = Opening(*self._course.open_limits(monotonic()))
        self._interrupt = opening.interrupt
        if self._is_over:
            raise ConnectionError("the stream was left")
        request = self._course.asked(monotonic())
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

    def _cancel(self) -> None:
        """Make the server quit where hanging up does not."""
        if self._attempts.to_cancel is None:
            return
        # In a thread of its own: the garbage collector may come here while this one holds the lock of a pool.
        telling = _Telling(self._transport, self._attempts.to_cancel)
        try:
            if not sys.is_finalizing():  # when no thread begins: to start one would wait for ever
                telling.start()
                telling.join(CANCEL_SECONDS)
        finally:
            self._attempts.cancelled(telling.status, telling.error)
            telling.give_up()

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


class _Telling(Thread):
    """Makes a request of whose response nothing but the status matters.

    Attributes:
        status: The status, once it is known.
        error: What went wrong, where it is not.
    """

    def __init__(self, transport: Transport, request: Request) -> None:
        super().__init__(name="streamfold-cancel", daemon=True)
        self.status: int | None = None
        self.error: Exception = TimeoutError(f"no answer after {CANCEL_SECONDS:g} s")
        self._transport = transport
        self._request = request
        self._opening = Opening(CANCEL_SECONDS, CANCEL_SECONDS)
        self.give_up = self._opening.interrupt

    def run(self) -> None:
        try:
            exchange = self._transport.open(self._request, self._opening)
            self.status = exchange.status
            exchange.close()
        except Exception as error:
            self.error = error
