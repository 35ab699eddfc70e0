"""Read from a server, async: `network`, awaiting, under asyncio and trio.

There is no other thread here: whoever leaves a stream cancels its read, and a stream that is collected as garbage
closes its socket at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic, time

from ..clocks import Clock, Timeouts
from ..course import Course
from .awatch import shielded, sleep, spawn, watch_over
from .request import Request
from .responses import MAX_REFUSAL_BYTES, REFUSAL_SECONDS, is_stream, refusal
from .transports import CANCEL_SECONDS, DRAIN_BYTES, DRAIN_SECONDS, AsyncExchange, AsyncTransport, Opening


class AsyncNetwork:
    """What an `AsyncStream` reads from, where it is a server.

    Args:
        course: What is asked, and how long that may take.
        transport: Who asks.

    Attributes:
        ends_empty: Whether an empty chunk is the end.
    """

    ends_empty = True

    def __init__(self, course: Course, transport: AsyncTransport) -> None:
        assert course.attempts is not None
        self._course = course
        self._attempts = course.attempts
        self._transport = transport
        self._exchange: AsyncExchange | None = None

    def read(self) -> Awaitable[bytes]:
        """Return, to be awaited, what comes next; ``b""`` is the end. No coroutine around the exchange's: it costs.

        Raises:
            ProviderError: It is not a stream.
            OSError: The network broke.
        """
        return self._first() if self._exchange is None else self._exchange.read()

    async def close(self, finished: bool = False) -> None:
        """Let go of the connection; keep it if the stream is `finished` and the response soon is."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            if finished:
                await _within(DRAIN_SECONDS, lambda: _read_out(exchange, DRAIN_BYTES, bytearray()))
        finally:
            await exchange.close()

    async def again(self) -> None:
        """Let go of a failed attempt."""
        await self.end(False)

    async def end(self, finished: bool, cause: BaseException | None = None) -> None:
        """Let go of the attempt: there is no other one."""
        try:
            await self.close(finished)
        finally:
            await self._cancel()

    def abort(self) -> None:
        """Let go of the attempt without waiting for anything."""
        if self._exchange is not None:
            self._exchange.interrupt()
        if (request := self._attempts.to_cancel) is not None:
            spawn(CANCEL_SECONDS, lambda: self._tell(request))

    async def _cancel(self) -> None:
        """Make the server quit where hanging up does not, even if the task that leaves is cancelled."""
        request = self._attempts.to_cancel
        if request is not None and not await shielded(CANCEL_SECONDS, lambda: self._tell(request)):
            self._attempts.cancelled(None, TimeoutError(f"no answer after {CANCEL_SECONDS:g} s"))

    async def _tell(self, request: Request) -> None:
        try:
            exchange = await self._transport.open(request, Opening(CANCEL_SECONDS, CANCEL_SECONDS))
            await exchange.close()
        except Exception as error:
            self._attempts.cancelled(None, error)
        else:
            self._attempts.cancelled(exchange.status)

    async def _first(self) -> bytes:
        self._exchange = await self._open()
        return await self._exchange.read()

    async def _open(self) -> AsyncExchange:
        if self._attempts.wait:
            await sleep(self._attempts.wait)
        request = self._course.asked(monotonic())
        exchange = await self._transport.open(request, Opening(*self._course.open_limits(monotonic())))
        if not is_stream(exchange.status, exchange.headers):
            try:
                body = await _start(exchange)
            finally:
                await exchange.close()
            raise refusal(request, exchange.status, exchange.headers, body, time())
        self._course.answered(exchange.status, exchange.headers, monotonic())
        return exchange


async def _start(exchange: AsyncExchange) -> bytes:
    """Return the first bytes of a response that is not a stream; what breaks off is told as far as it came."""
    body = bytearray()
    await _within(REFUSAL_SECONDS, lambda: _read_out(exchange, MAX_REFUSAL_BYTES, body))
    return bytes(body[:MAX_REFUSAL_BYTES])


async def _within(seconds: float, read: Callable[[], Awaitable[None]]) -> None:
    """Await `read` as one: each read by itself would have its grace. What breaks or takes too long is left."""
    watch = watch_over(Clock(Timeouts(total=seconds), monotonic()))
    try:
        await watch.begin(read)
    except BaseException as error:
        if not (watch.ended(error) or isinstance(error, OSError)):
            raise
    finally:
        watch.stop()


async def _read_out(exchange: AsyncExchange, limit: int, body: bytearray) -> None:
    while len(body) < limit and (data := await exchange.read()):
        body += data
