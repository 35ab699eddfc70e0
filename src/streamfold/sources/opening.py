"""Open what is not a plain iterable of chunks: responses handed in whole, queues, Hugging Face's streamers.

Each becomes an iterator of what it brings. Closing is not done here: whoever drives the iterator closes it and the
source, and so a response closes its connection.

A queue whose producer has died says nothing for ever. Python cannot tell who will put into a queue, so:

- `watched` takes the producer as well, and raises once it is dead and the queue is empty.
- Without it, a queue within this process is given up once no other thread is left that could put anything into it.
- As long as other threads live, or where the producer is a process, only a limit helps: the ``timeouts`` of the stream.

None of this costs anything while chunks come: all is looked at only after `POLL` seconds of silence.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from .genai import GenaiStream, is_genai_stream

POLL = 0.04
"""How many seconds of silence pass between two looks: at the producer, at the clock, at whether somebody closed it."""


def opened(source: Any) -> Iterator[Any] | None:
    """Return an iterator of what `source` brings; ``None`` if it is none of the kinds that are known here."""
    chunks: Iterable[Any]
    if hasattr(source, "iter_content"):  # requests; iterated as it is, it waits for 128 bytes
        chunks = source.iter_content(None)
    elif hasattr(source, "iter_bytes"):  # httpx
        chunks = source.iter_bytes()
    elif _is_streamer(source) and source.timeout is None:
        return Taken(source.text_queue, source.stop_signal, _others_live)
    elif _is_queue(source) and not iscoroutinefunction(source.get):
        return Taken(source, None, _others_live if _is_local(source) else _unknown)
    else:
        return None
    return iter(chunks)


def aopened(source: Any) -> AsyncIterator[Any] | None:
    """Do as `opened` does, for what must be awaited."""
    content: Any = getattr(source, "__dict__", {}).get("content")  # no property: requests would read the whole body
    chunks: AsyncIterable[Any]
    if hasattr(source, "aiter_bytes"):  # httpx
        chunks = source.aiter_bytes()
    elif hasattr(content, "iter_any"):  # aiohttp
        chunks = content.iter_any()
    elif _is_queue(source) and iscoroutinefunction(source.get):
        chunks = _ataken(source)
    elif is_genai_stream(source):
        chunks = GenaiStream(source)
    else:
        return None
    return aiter(chunks)


def watched(source: Any, producer: Any) -> Iterator[Any]:
    """Return what `source` brings, and raise where `producer` dies before it has ended it.

    Args:
        source: A Hugging Face ``TextIteratorStreamer``, or a queue that ``None`` ends; not an async one, for which the
            ``timeouts`` of the stream are.
        producer: What fills it: a thread, a process (anything with ``is_alive``) or a future (with ``done``).

    Example::

        thread = Thread(target=model.generate, kwargs={**inputs, "streamer": streamer})
        thread.start()
        reply = fold(watched(streamer, thread))

    Raises:
        EOFError: The producer is dead, and has not put in the end. A future's own exception is its cause.
    """
    lives = producer.is_alive if hasattr(producer, "is_alive") else lambda: not producer.done()
    queue, end = (source.text_queue, source.stop_signal) if _is_streamer(source) else (source, None)
    return Taken(queue, end, lives, getattr(producer, "exception", _unknown_why))


class Taken(Iterator[Any]):
    """What a queue brings.

    Attributes:
        overdue: Whether a deadline has passed; whoever has one sets this.
    """

    def __init__(
        self, queue: Any, end: Any, lives: Callable[[], bool], why: Callable[[], BaseException | None] | None = None
    ) -> None:
        from queue import Empty  # here, because few need it

        self.overdue: Callable[[], bool] = _never
        self._empty = Empty
        self._get = queue.get
        self._end = end
        self._lives = lives
        self._why = why or _unknown_why
        self._closed = False

    def __next__(self) -> Any:
        alive = True
        while not self._closed:
            try:
                chunk = self._get(timeout=POLL)
            except self._empty:
                if not alive:  # and was not before the wait, so nothing is left of it
                    raise EOFError("the producer died without an end of its stream") from self._why()
                alive = self._lives()
                if self.overdue():
                    raise TimeoutError from None
            except Exception as error:
                if type(error).__name__ == "ShutDown":  # Python 3.13: the queue was shut down
                    break
                raise
            else:
                if chunk == self._end:
                    break
                return chunk
        self._closed = True
        raise StopIteration

    def close(self) -> None:
        """Take no more, from any thread; one that waits gives up at its next look."""
        self._closed = True


async def _ataken(queue: Any) -> AsyncIterator[Any]:
    while True:
        try:
            chunk = await queue.get()
        except Exception as error:
            if type(error).__name__ == "QueueShutDown":
                return
            raise
        if chunk is None:
            return
        yield chunk


def _is_queue(source: Any) -> bool:
    iterable = isinstance(source, AsyncIterable) or hasattr(source, "__iter__")
    return not iterable and hasattr(source, "get") and hasattr(source, "put")


def _is_streamer(source: Any) -> bool:
    return all(hasattr(source, name) for name in ("text_queue", "stop_signal", "timeout", "__next__"))


def _is_local(queue: Any) -> bool:
    return type(queue).__module__ in ("queue", "_queue")


def _others_live() -> bool:
    return len(sys._current_frames()) > 1


def _unknown() -> bool:
    return True


def _never() -> bool:
    return False


def _unknown_why() -> None:
    """Tell nothing of why a producer died."""
