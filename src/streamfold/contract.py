"""Fold an iterable of text chunks into one text, handing each chunk on as it arrives.

Strategy: a bare ``for`` loop over the source, a list of parts, one ``join`` at the end.

* Lazy. The callback for chunk *n* has returned before chunk *n + 1* is pulled; a stop ends all pulling.
* Knowing when to quit means the source quits too. On a stop, and on any exception, the source is closed: the
  iterator made from it, then the object the caller handed in, each where it has ``close`` (async: ``aclose``
  before ``close``). A source that ran to its own end is left alone, as a ``for`` loop leaves it.
* Nothing received is lost. An exception of the callback or the source passes through unchanged and carries,
  as its attribute ``streamfold_partial``, the dict that the call would have returned at that point.
* Cost. Linear, and less than ``text += chunk`` with a counter, which pays for the check that every chunk is a
  str. The loop without a stop is written out because comparing with ``None`` would add a quarter.
* Limits. The parts are held until the end. A plain iterable that blocks also blocks the event loop that runs
  ``aconsume_stream``: nothing here starts a thread.

A stop that lies across chunks is not the contract's business: see ``stops``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TypedDict

from .closing import aclose_source, attach_partial, close_source
from .errors import CallerError, ChunkTypeError


class Consumed(TypedDict):
    """What `consume_stream` returns; at run time a plain dict of exactly these keys.

    Attributes:
        text: All consumed chunks, joined.
        n_tokens: How many chunks were consumed, empty ones included.
        stopped: Whether the stop chunk ended the walk.
    """

    text: str
    n_tokens: int
    stopped: bool


def consume_stream(
    chunks: Iterable[str], on_token: Callable[[str], object] | None, stop: str | None = None
) -> Consumed:
    """Consume `chunks`, calling `on_token` for each one as it arrives.

    A chunk that equals `stop` ends the walk: it is neither consumed nor handed on, nothing after it is
    pulled, and the source is closed. Equality, not containment: ``"x<END>"`` is not ``"<END>"``. The empty
    string is a chunk like any other, and ``stop=""`` stops at it.

    An exception of the callback or the source passes through as it is, once the source is closed. It carries
    what was received so far, the chunk whose callback raised included::

        try:
            reply = consume_stream(chunks, show)
        except ConnectionError as error:
            reply = error.streamfold_partial  # {"text": "The cap", "n_tokens": 2, "stopped": False}

    Should closing raise as well, the first exception is still the one that passes, unless closing was
    interrupted (Ctrl-C, cancellation): an interrupt outranks an ordinary error. Should closing raise after a
    stop, that exception passes, for the source may still be open; the whole result is its
    ``streamfold_partial``.

    Args:
        chunks: Any iterable of str: a list, a generator, an SDK's stream, an iterator that blocks. A bare str
            is an iterable of its characters.
        on_token: Called with each chunk; what it returns is ignored. ``None`` calls nothing.
        stop: The chunk that ends the walk, compared as a whole. ``None`` consumes every chunk.

    Returns:
        ``{"text": str, "n_tokens": int, "stopped": bool}``.

    Raises:
        ChunkTypeError: A chunk is not a str; it was neither handed on nor counted.
        CallerError: `chunks` is not iterable, `on_token` not callable or `stop` not a str. Raised before
            anything is pulled; the source is left as it was.
    """
    _check_arguments(chunks, on_token, stop)
    parts: list[str] = []
    iterator = chunks
    try:
        iterator = iter(chunks)
        stopped = _walk(iterator, _ignore if on_token is None else on_token, stop, parts)
    except BaseException as error:
        partial = _consumed(parts)
        attach_partial(error, partial)
        close_source(iterator, chunks, partial, error)
        raise
    result = _consumed(parts, stopped)
    if stopped:
        close_source(iterator, chunks, result)
    return result


async def aconsume_stream(
    chunks: AsyncIterable[str] | Iterable[str],
    on_token: Callable[[str], object] | None,
    stop: str | None = None,
) -> Consumed:
    """Consume `chunks` as `consume_stream` does, waiting where the source or the callback waits.

    Runs under asyncio and trio. Cancellation is an exception like any other: the source is closed (its
    ``aclose()`` is awaited, not shielded) and the cancellation passes on with ``streamfold_partial``. Read it
    inside the deadline: ``asyncio.timeout`` replaces the exception, ``trio.move_on_after`` swallows it.

    Args:
        chunks: An async iterable of str, or a plain one; a plain one that blocks blocks the event loop.
        on_token: Called with each chunk. If it returns an awaitable, that is awaited before the next chunk is
            pulled. ``None`` calls nothing.
        stop: The chunk that ends the walk, compared as a whole. ``None`` consumes every chunk.

    Returns:
        ``{"text": str, "n_tokens": int, "stopped": bool}``.

    Raises:
        ChunkTypeError: A chunk is not a str; it was neither handed on nor counted.
        CallerError: `chunks` is not iterable, `on_token` not callable or `stop` not a str. Raised before
            anything is pulled; the source is left as it was.
    """
    _check_arguments(chunks, on_token, stop, asynchronous=True)
    on_token = _ignore if on_token is None else on_token
    parts: list[str] = []
    iterator: object = chunks
    try:
        if isinstance(chunks, AsyncIterable):
            iterator = aiter(chunks)
            stopped = await _walk_async(iterator, on_token, stop, parts)
        else:
            iterator = iter(chunks)
            stopped = await _walk_plain(iterator, on_token, stop, parts)
    except BaseException as error:
        partial = _consumed(parts)
        attach_partial(error, partial)
        await aclose_source(iterator, chunks, partial, error)
        raise
    result = _consumed(parts, stopped)
    if stopped:
        await aclose_source(iterator, chunks, result)
    return result


def _walk(chunks: Iterable[str], on_token: Callable[[str], object], stop: str | None, parts: list[str]) -> bool:
    """Consume into `parts` up to the stop or the end; return whether it was the stop."""
    # The type is checked before the comparison: a foreign object has no say in what equals `stop`.
    # `parts.append` is not hoisted: CPython specializes the call of a list's method, not of a bound one.
    if stop is None:
        for chunk in chunks:
            if type(chunk) is not str:
                _require_str(chunk, len(parts))
            parts.append(chunk)
            on_token(chunk)
        return False
    for chunk in chunks:
        if type(chunk) is not str:
            _require_str(chunk, len(parts))
        if chunk == stop:
            return True
        parts.append(chunk)
        on_token(chunk)
    return False


async def _walk_async(
    chunks: AsyncIterable[str], on_token: Callable[[str], object], stop: str | None, parts: list[str]
) -> bool:
    async for chunk in chunks:
        if type(chunk) is not str:
            _require_str(chunk, len(parts))
        if stop is not None and chunk == stop:
            return True
        parts.append(chunk)
        outcome = on_token(chunk)
        if outcome is not None and isinstance(outcome, Awaitable):
            await outcome
    return False


async def _walk_plain(
    chunks: Iterable[str], on_token: Callable[[str], object], stop: str | None, parts: list[str]
) -> bool:
    # A twin of `_walk_async`: wrapping the iterator as an async one would be one more thing to close.
    for chunk in chunks:
        if type(chunk) is not str:
            _require_str(chunk, len(parts))
        if stop is not None and chunk == stop:
            return True
        parts.append(chunk)
        outcome = on_token(chunk)
        if outcome is not None and isinstance(outcome, Awaitable):
            await outcome
    return False


def _ignore(chunk: str) -> None:
    pass


def _require_str(chunk: object, position: int) -> None:
    # Not `isinstance(chunk, str)`: that believes an object's `__class__`, which `join` does not.
    if not issubclass(type(chunk), str):
        raise ChunkTypeError(chunk, position)


def _check_arguments(chunks: object, on_token: object, stop: object, asynchronous: bool = False) -> None:
    """Refuse what cannot be meant, before the source is touched."""
    kind = type(chunks)
    if not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")):
        if not hasattr(kind, "__aiter__"):
            hint = "; await it first" if hasattr(kind, "__await__") else ""
            raise CallerError(f"chunks is {kind.__name__}, expected an iterable of str{hint}")
        if not asynchronous:
            raise CallerError(f"chunks is {kind.__name__}, an async iterable: use aconsume_stream")
    if on_token is not None and not callable(on_token):
        raise CallerError(f"on_token is {type(on_token).__name__}, expected a callable or None")
    if stop is not None and not issubclass(type(stop), str):
        raise CallerError(f"stop is {type(stop).__name__}, expected str or None")


def _consumed(parts: list[str], stopped: bool = False) -> Consumed:
    return {"text": "".join(parts), "n_tokens": len(parts), "stopped": stopped}
