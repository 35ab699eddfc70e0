"""Let many threads read one stream, each at its own speed.

Nothing is decided here: `fanout` does. No thread is started: the stream is driven by whoever calls `Broadcast.run`, and
each reader runs where it is iterated. `AsyncBroadcast` is the same for asyncio.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Condition, RLock
from types import TracebackType
from typing import Self

from ..events import Event, Snapshot
from ..reply import Reply
from ..sync import Stream
from .rules import SIZE, Fanout, Policy, Queue, text_reader


class Broadcast:
    """One stream for many readers.

    Args:
        events: The stream. Nobody else may iterate it.
        keep_open: Whether the stream is read on when its last reader has left, so that one who comes later finds
            everything. By default it is closed, as `Stream.close` does: nobody should pay for an answer that nobody
            reads.

    Example::

        with stream(chunks) as events:
            broadcast = Broadcast(events)
            Thread(target=show, args=[broadcast.subscribe()]).start()
            Thread(target=save, args=[broadcast.subscribe("block")]).start()
            reply = broadcast.run()
    """

    def __init__(self, events: Stream, *, keep_open: bool = False) -> None:
        self._events = events
        self._keep_open = keep_open
        self._fanout = Fanout()
        self._running = False
        self._lock = RLock()  # not a plain lock: the garbage collector may close a reader amid whatever a thread does
        self._arrived = Condition(self._lock)
        self._room = Condition(self._lock)

    def subscribe(self, policy: Policy = "coalesce", size: int = SIZE) -> Reader:
        """Return a new reader; it may join at any time, even when the stream has ended.

        It waits until somebody calls `run`. One that joins late is given a `Snapshot` of what it missed.

        Args:
            policy: What happens when it does not keep up: ``"coalesce"`` joins the deltas that wait, ``"resync"`` drops
                them for a snapshot, ``"block"`` makes the stream wait. Let no thread read two that block.
            size: How many events may wait.

        Raises:
            CallerError: There is no such policy, or `size` is not a positive number.
        """
        with self._lock:
            return Reader(self._fanout.join(policy, size), self)

    def run(self) -> Reply:
        """Read the stream to its end, and put every event before every reader.

        Returns:
            The reply. Every reader gets it too, as its last event, whatever becomes of this call.
        """
        self._running = True
        try:
            for event in self._events:
                with self._lock:
                    while self._fanout.blocked:
                        self._room.wait()
                    self._fanout.publish(event)
                    self._arrived.notify_all()
                if self._deserted:
                    break
        finally:
            self._running = False
            self._events.close()
            with self._lock:
                self._fanout.break_off(self._events.reply)
                self._arrived.notify_all()
        return self._events.reply

    @property
    def _deserted(self) -> bool:
        return self._fanout.deserted and not self._keep_open

    def _leave(self, queue: Queue) -> None:
        with self._lock:
            self._fanout.leave(queue)
            self._room.notify()
        if self._deserted and self._running:
            self._events.close()  # the thread that reads it may wait for long


class Reader(Iterator[Event | Snapshot]):
    """One reader of a `Broadcast`: iterate its events, or only its text with `text_stream`.

    As a context manager it leaves the broadcast on the way out. The last event is always `StreamEnd`.
    """

    def __init__(self, queue: Queue, broadcast: Broadcast) -> None:
        self._queue = queue
        self._broadcast = broadcast

    @property
    def text_stream(self) -> Iterator[str]:
        """The text alone, piece by piece; of a snapshot only what is new."""
        return filter(None, map(text_reader(), self))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event | Snapshot:
        broadcast, queue = self._broadcast, self._queue
        with broadcast._lock:
            while (event := broadcast._fanout.take(queue)) is None:
                if queue.ended:
                    raise StopIteration
                broadcast._arrived.wait()
            broadcast._room.notify()
            return event

    def close(self) -> None:
        """Leave: nothing waits for this reader any more."""
        self._broadcast._leave(self._queue)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
