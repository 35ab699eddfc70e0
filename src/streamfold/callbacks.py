"""Call the caller's callbacks: their errors are the caller's, and a slow one need not slow the stream.

By default they are called before more is pulled, which is the simplest backpressure there is. With ``coalesce`` they
are called aside, in a thread or a task of their own: what arrives during a call waits, and is handed on as one piece.
Not a character is lost, and what waits is at most the text of the reply.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextvars import copy_context
from inspect import iscoroutine, iscoroutinefunction
from itertools import groupby
from threading import Condition, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import CallerError
from .events import Reset
from .folding import Fold

if TYPE_CHECKING:
    from .network.retry import RetryPolicy

_log = logging.getLogger("streamfold")

OnText = Callable[[str], object]
OnReset = Callable[[Reset], object]


class Callbacks(NamedTuple):
    """What the caller is told with, instead of events."""

    on_text: Callable[[str], Any]
    on_reset: Callable[[Reset], Any]
    raise_errors: bool

    def raised(self, error: Exception, folding: Fold) -> None:
        """Let an error of theirs pass; or keep it for the reply, and log it the first time: it must not go unseen."""
        if self.raise_errors:
            raise error
        if folding.notes.callback_failed(error):
            _log.error("on_text raised; the stream goes on", exc_info=error)


def callbacks_of(
    on_text: Any, on_reset: Any, retry: RetryPolicy | None, raise_errors: bool, *, plain: bool = False
) -> Callbacks:
    """Refuse what cannot be called, before the source is touched.

    Args:
        on_text: Called with each piece of text, or ``None``.
        on_reset: Called with each `Reset`, or ``None``.
        retry: Whether there can be any.
        raise_errors: Whether their errors pass through.
        plain: Whether nobody is there to await what they return.

    Raises:
        CallerError: One of them cannot be called, or would have to be awaited; or text may be taken back, and nobody
            would be told.
    """
    for name, callback in (("on_text", on_text), ("on_reset", on_reset)):
        if callback is not None and not callable(callback):
            raise CallerError(f"{name} is {type(callback).__name__}, expected a callable or None")
        if plain and (iscoroutinefunction(callback) or iscoroutinefunction(getattr(callback, "__call__", None))):  # noqa: B004
            raise CallerError(f"{name} is async, expected a plain callable: use afold")
    if on_text is not None and on_reset is None and retry is not None and retry.after_text == "restart":
        raise CallerError("after_text='restart' takes text back: give on_reset with on_text, to hear of it")
    return Callbacks(on_text or _ignore, on_reset or _ignore, raise_errors)


def refuse_coroutine(outcome: object) -> None:
    """Refuse what a callback returned, if it would have to be awaited.

    Raises:
        CallerError: It is a coroutine: what the callback was to do has not been done.
    """
    if iscoroutine(outcome):
        outcome.close()
        raise CallerError("a callback is async, expected a plain callable: use afold")


def _ignore(told: object) -> None:
    """Show nothing."""


class _Aside:
    """What waits for callbacks that are called aside, and what became of them.

    Args:
        callbacks: The caller's.
        fold_now: Return the fold that keeps their errors; each attempt has one of its own.
    """

    def __init__(self, callbacks: Callbacks, fold_now: Callable[[], Fold]) -> None:
        self._callbacks = callbacks
        self._fold_now = fold_now
        self._waiting: list[str | Reset] = []
        self._closed = False
        self._error: BaseException | None = None  # what ended the calls; raised where text is handed over

    def _taken(self) -> list[str | Reset]:
        """Return what waits, with pieces of text that follow each other as one."""
        waiting, self._waiting = self._waiting, []
        taken: list[str | Reset] = []
        for kind, run in groupby(waiting, type):
            pieces = list(run)
            taken += ["".join(map(str, pieces))] if kind is str else pieces
        return taken

    def _call(self, told: str | Reset) -> Any:
        return self._callbacks.on_text(told) if isinstance(told, str) else self._callbacks.on_reset(told)

    def _failed(self, error: BaseException) -> None:
        try:
            if not isinstance(error, Exception):
                raise error
            self._callbacks.raised(error, self._fold_now())
        except BaseException as passing:
            self._error = passing

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


class CallbackThread(_Aside):
    """Call callbacks in a thread of their own. On the way out they have been told all, or an error is raised."""

    def __enter__(self) -> Callbacks:
        self._changed = Condition()
        self._thread = Thread(target=copy_context().run, args=[self._run], name="streamfold callbacks", daemon=True)
        self._thread.start()
        return Callbacks(self._put, self._put, raise_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            if error is not None:
                self._waiting.clear()
            self._changed.notify()
        self._thread.join()
        if error is None:
            self._raise()

    def _put(self, told: str | Reset) -> None:
        with self._changed:
            self._raise()
            self._waiting.append(told)
            self._changed.notify()

    def _run(self) -> None:
        for told in self._until_closed():
            try:
                outcome = self._call(told)
            except BaseException as error:
                self._failed(error)
                continue
            try:
                refuse_coroutine(outcome)
            except CallerError as refused:
                self._error = refused

    def _until_closed(self) -> Iterator[str | Reset]:
        while True:
            with self._changed:
                while not (self._waiting or self._closed):
                    self._changed.wait()
                if not self._waiting:
                    return
                taken = self._taken()
            yield from taken


class CallbackTask(_Aside):
    """Call callbacks in a task of their own, and await what they return: `CallbackThread` for asyncio."""

    async def __aenter__(self) -> Callbacks:
        import asyncio  # here, because trio's users have no use for it

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise CallerError("coalesce needs a task of its own, and so asyncio") from None
        self._changed = asyncio.Event()
        self._wait = asyncio.wait
        self._task = asyncio.create_task(self._run())
        return Callbacks(self._put, self._put, raise_errors=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._changed.set()
        if error is not None:
            self._task.cancel()
        try:
            await self._wait([self._task])
        finally:
            self._task.cancel()
        if error is None:
            self._raise()

    def _put(self, told: str | Reset) -> None:
        self._raise()
        self._waiting.append(told)
        self._changed.set()

    async def _run(self) -> None:
        while not self._closed or self._waiting:
            await self._changed.wait()
            self._changed.clear()
            for told in self._taken():
                try:
                    outcome = self._call(told)
                    if isinstance(outcome, Awaitable):
                        await outcome
                except Exception as error:
                    self._failed(error)
