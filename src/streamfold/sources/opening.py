"""Open what is not a plain iterable of chunks: responses handed in whole, queues, Hugging Face's streamers.

Each becomes an iterator of what it brings. Closing is not done here: whoever drives the iterator closes it and the
source, and so a response closes its connection.

A queue whose producer has died says nothing for ever. Python cannot tell who will put into a queue, so:

- `watched` takes the producer as well, and raises once it is dead and the queue is empty.
- Without it, a queue within this process is given up once no other thread is left that could put anything into it.

Neither costs anything while chunks come: the producer is looked at only after `POLL` seconds of silence.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from .genai import GenaiStream, is_genai_stream

POLL = 0.1
"""How many seconds of silence pass between two looks at the producer."""


def opened(source: Any) -> Iterator[Any] | None:
    """Return an iterator of what `source` brings; ``None`` if it is none of the kinds that are known here."""
    chunks: Iterable[Any]
    if hasattr(source, "iter_content"):  # requests; iterated as it is, it waits for 128 bytes
        chunks = source.iter_content(None)
    elif hasattr(source, "iter_bytes"):  # httpx
        chunks = source.iter_bytes()
    elif _is_streamer(source) and source.timeout is None:
        chunks = _taken(source.text_queue, source.stop_signal, _others_live)
    elif _is_queue(source) and not iscoroutinefunction(source.get):
        chunks = _taken(source, None, _others_live if _is_local(source) else _unknown)
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
        source: A Hugging Face ``TextIteratorStreamer``, or a queue that ``None`` ends.
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
    try:
        yield from _taken(queue, end, lives)
    except EOFError as error:
        raise error from (producer.exception() if hasattr(producer, "exception") else None)


def _taken(queue: Any, end: Any, lives: Callable[[], bool]) -> Iterator[Any]:
    from queue import Empty  # here, because few need it

    alive = True
    while True:
        try:
            chunk = queue.get(timeout=POLL)
        except Empty:
            if not alive:  # and was not before the wait, so nothing is left of it
                raise EOFError("the producer died without an end of its stream") from None
            alive = lives()
        except Exception as error:
            if type(error).__name__ == "ShutDown":  # Python 3.13: the queue was shut down
                return
            raise
        else:
            if chunk == end:
                return
            yield chunk


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
