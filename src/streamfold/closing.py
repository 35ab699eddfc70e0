"""Close a source, and keep what it gave, whichever exception is on its way.

A source is two things: the object that the caller handed in and the iterator made from it. Each is closed where it has
``close`` (async: ``aclose`` before ``close``), the iterator first, and each gets its turn even if the other raises.
What was received travels on the exception, as its attribute ``streamfold_partial``.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress


def attach_partial(error: BaseException, partial: object) -> None:
    """Put `partial` on `error` without its consent: it may be a frozen dataclass."""
    with suppress(AttributeError, TypeError):
        object.__setattr__(error, "streamfold_partial", partial)


def close_source(iterator: object, source: object, partial: object, error: BaseException | None = None) -> None:
    """Close `iterator` and the `source` it came from; raise what that raised only if it outranks `error`."""
    try:
        try:
            if iterator is not source:
                _close_one(iterator)
        finally:
            _close_one(source)
    except BaseException as failure:
        if _outranks(failure, error):
            attach_partial(failure, partial)
            raise


async def aclose_source(iterator: object, source: object, partial: object, error: BaseException | None = None) -> None:
    """Do as `close_source` does, awaiting what closing returns."""
    try:
        try:
            if iterator is not source:
                await _aclose_one(iterator)
        finally:
            await _aclose_one(source)
    except BaseException as failure:
        if _outranks(failure, error):
            attach_partial(failure, partial)
            raise


def _outranks(failure: BaseException, error: BaseException | None) -> bool:
    """Whether what closing raised passes in place of `error`: no interrupt is lost to an ordinary error."""
    return error is None or (isinstance(error, Exception) and not isinstance(failure, Exception))


def _close_one(source: object) -> None:
    close = getattr(source, "close", None)
    if callable(close):
        close()


async def _aclose_one(source: object) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    outcome = close() if callable(close) else None
    if isinstance(outcome, Awaitable):
        await outcome
