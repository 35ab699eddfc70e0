"""Generations: an engine's reply, folded into events and written to a log that any number of readers follow.

The log is there before the engine is asked. Readers come and go; what ends a generation is its own end, somebody's
wish, on whatever node, or this process's: then the sender is closed, and the last record says how it was.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from hashlib import blake2b
from time import monotonic
from typing import Any

import msgspec

from ..aio import AsyncStream, astream
from ..errors import ProviderError, StreamfoldError
from ..events import StreamEnd, TextDelta
from ..network.request import Request
from ..network.retry import RetryPolicy
from ..reply import Reply, Verdict
from .engines import Engines, Question
from .errors import FencedError, RelayLimitError, StoreError, StreamConflictError
from .log import Log
from .records import Start, record_of, start_of, start_record
from .rules.rate import Buckets
from .rules.stream import Stream
from .writing import Writer

ROOT = "generations/"
"""What the paths of generations' logs begin with."""

_STATUSES = {
    Verdict.CANCELLED: "aborted",
    Verdict.TRUNCATED: "truncated",
    Verdict.ERRORED: "error",
    Verdict.TIMED_OUT: "error",
}
_logger = logging.getLogger(__name__)


class Started(msgspec.Struct, frozen=True):
    """A generation that was asked for.

    Attributes:
        start: Its first record.
        new: Whether this request began it; if not, an earlier one with the same key did.
    """

    start: Start
    new: bool


class Generations:
    """The generations that this process produces.

    Args:
        log: Where they are written.
        engines: What answers.
        retention: After how many seconds without use a generation is forgotten; ``None`` for never.
        told: Called with the first record and the reply of each generation that ends here.
    """

    def __init__(
        self,
        log: Log,
        engines: Engines,
        retention: int | None = None,
        told: Callable[[Start, Reply], None] | None = None,
    ) -> None:
        self.engines = engines
        self._log = log
        self.retention = retention
        self._told = told
        self._running: dict[asyncio.Task[None], Writer] = {}
        self._stopped = False
        self._starts = Buckets(log.limits.max_starts, 60.0)

    @property
    def n_running(self) -> int:
        """How many run now."""
        return len(self._running)

    async def start(
        self, question: Question, model: str, *, prefix: str = "gen_", key: str | None = None, client: str = ""
    ) -> Started:
        """Begin a generation; return when its log is there, before its first token.

        Args:
            question: What is asked.
            model: What is meant by `Engines.find`.
            prefix: What its id begins with.
            key: Makes the request repeatable: the same key gives the same generation, on every node.
            client: Who asks.

        Raises:
            RelayError: It cannot be meant, too many run, or the key was used for another request.
        """
        engine, model = self.engines.find(model)
        ask = engine.prepare(question, model)
        self._check_limits(client)
        asked = _digest(msgspec.json.encode([engine.name, model, question]))
        id = prefix + (secrets.token_urlsafe(15) if key is None else _digest(key.encode()))
        start = Start(id, engine.name, model, round(self._log.store.now(), 3), asked)
        lease = self._log.limits.lease
        created = await self._log.start(ROOT + id, [start_record(start)], lease=lease, ttl=self.retention)
        if not created.new:
            return await self._again(start)
        self._launch(created.stream, start, ask, question.stop)
        return Started(start, new=True)

    def _check_limits(self, client: str) -> None:
        limits = self._log.limits
        if self._stopped:
            raise StoreError("the relay is shutting down")
        if self.n_running >= limits.max_generations:
            raise RelayLimitError("max_generations", limits.max_generations, 429)
        if self._starts.take(client, monotonic()):
            raise RelayLimitError("max_starts", limits.max_starts, 429)

    async def _again(self, start: Start) -> Started:
        first = start_of((await self._log.read(ROOT + start.id, 0, 1)).records[0])
        if first.asked != start.asked:
            raise StreamConflictError("the Idempotency-Key was used for another request")
        return Started(first, new=False)

    def _launch(self, stream: Stream, start: Start, ask: Callable[[], Any], stop: list[str]) -> None:
        writer = Writer(self._log, stream, self._log.limits.lease)
        if self._stopped:  # meanwhile
            writer.cancelled.set()
        task = asyncio.create_task(self._produce(writer, start, ask, stop))
        self._running[task] = writer
        task.add_done_callback(self._running.pop)

    async def _produce(self, writer: Writer, start: Start, ask: Callable[[], Any], stop: list[str]) -> None:
        try:
            async with writer:
                reply = await _Production(writer, stop, self._why_left).run(ask)
        except (FencedError, StoreError) as error:
            _logger.warning("generation %s was lost: %s", start.id, error)
        except Exception:
            _logger.exception("generation %s failed", start.id)
        else:
            if self._told is not None:
                self._told(start, reply)

    def _why_left(self) -> tuple[Verdict, StreamfoldError | None]:
        """Return the verdict of a generation that was left early: somebody wished it, or this process ends."""
        if not self._stopped:
            return Verdict.CANCELLED, None
        return Verdict.TRUNCATED, ProviderError("the relay was shut down", type="shutdown")

    async def stop(self, patience: float = 10.0) -> None:
        """End all generations as truncated, within `patience` seconds; what is left then ends with its lease."""
        self._stopped = True
        for writer in self._running.values():
            writer.cancelled.set()
        if tasks := list(self._running):
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


class _Production:
    """One reply on its way from its source to its log.

    Args:
        writer: Where its records go; `Writer.cancelled` ends it.
        stop: The stop sequences.
        why_left: Tells the verdict of a reply that was left before its end.
    """

    def __init__(
        self, writer: Writer, stop: list[str], why_left: Callable[[], tuple[Verdict, StreamfoldError | None]]
    ) -> None:
        self._writer = writer
        self._stop = stop
        self._why_left = why_left
        self._n_said = 0  # characters of the first choice's text

    async def run(self, ask: Callable[[], AsyncIterable[Any] | Request]) -> Reply:
        """Write the reply down; return it when its end is durable."""
        try:
            source = ask()
            retry = RetryPolicy() if isinstance(source, Request) else None
            events = astream(source, stop=self._stop or None, retry=retry)
        except StreamfoldError as error:
            return await self._end(Reply(Verdict.ERRORED, error=error))
        async with events:
            pump = asyncio.create_task(self._pump(events))
            wish = asyncio.create_task(self._writer.cancelled.wait())
            try:
                await asyncio.wait({pump, wish}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                wish.cancel()
                pump.cancel()
                await asyncio.gather(pump, wish, return_exceptions=True)
            if not pump.cancelled():
                return pump.result()
        return await self._leave(events.reply)

    async def _pump(self, events: AsyncStream) -> Reply:
        async for event in events:
            if isinstance(event, StreamEnd):
                return await self._end(event.reply)
            if isinstance(event, TextDelta) and not event.choice:
                self._n_said += len(event.text)
            await self._writer.append(record_of(event))
        raise AssertionError("a stream without an end")

    async def _leave(self, reply: Reply) -> Reply:
        """End a reply that was left; what it held back for a stop sequence is text now."""
        if held := reply.text[self._n_said :]:
            with suppress(FencedError):
                await self._writer.append(record_of(held))
        reply.verdict, reply.error = self._why_left()
        return await self._end(reply)

    async def _end(self, reply: Reply) -> Reply:
        status = _STATUSES.get(reply.verdict or Verdict.TRUNCATED, "done")
        await self._writer.end(status, record_of(StreamEnd(reply)))
        return reply


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(blake2b(data, digest_size=15).digest()).decode()
