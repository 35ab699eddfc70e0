"""Call the caller's `on_text`: its errors are the caller's, and a slow one need not slow the stream.

By default it is called before more is pulled, which is the simplest backpressure there is. With ``coalesce`` it is
called aside, by a thread or a task of its own: what arrives during a call waits, and is handed on as one piece. Not a
character is lost or late by more than one call, and what waits is at most the text of the reply.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from inspect import iscoroutine, iscoroutinefunction
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self

from .errors import CallerError
from .folding import Fold

_log = logging.getLogger("streamfold")

OnText = Callable[[str], object]


def check_callback(on_text: object) -> None:
    """Refuse what cannot be called, before the source is touched.

    Raises:
        CallerError: It cannot be called.
    """
    if on_text is not None and not callable(on_text):
        raise CallerError(f"on_text is {type(on_text).__name__}, expected a callable or None")


def check_plain_callback(on_text: object) -> None:
    """Refuse what cannot be called, or would have to be awaited.

    Raises:
        CallerError: It cannot be called, or is async.
    """
    check_callback(on_text)
    if iscoroutinefunction(on_text) or iscoroutinefunction(getattr(on_text, "__call__", None)):  # noqa: B004
        raise _to_be_awaited()


def refuse_coroutine(outcome: object) -> None:
    """Refuse what a callback returned, if it would have to be awaited.

    Raises:
        CallerError: It is a coroutine: what the callback was to do has not been done.
    """
    if iscoroutine(outcome):
        outcome.close()
        raise _to_be_awaited()


def _to_be_awaited() -> CallerError:
    return CallerError("on_text is async, expected a plain callable: use afold")


def log_callback_error(folding: Fold, error: Exception) -> None:
    """Keep the error for the reply, and log it the first time: it must not go unseen."""
    if folding.notes.callback_failed(error):
        _log.error("on_text raised; the stream goes on", exc_info=error)


class _Aside:
    """What waits for a callback that is called aside, and what became of it.

    Attributes:
        error: What ended the calls; to be raised where the text is handed over.
    """

    def __init__(self, on_text: Callable[[str], Any], fold_now: Callable[[], Fold], raise_errors: bool) -> None:
        self.error: BaseException | None = None
        self._on_text = on_text
        self._fold_now = fold_now  # each attempt has one of its own
        self._raise_errors = raise_errors
        self._waiting: list[str] = []
        self._closed = False  # whether more may come

    def _taken(self) -> str:
        text = "".join(self._waiting)
        self._waiting.clear()
        return text

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Exception) and not self._raise_errors:
            log_callback_error(self._fold_now(), error)
        else:
            self.error = error

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error


class CallbackThread(_Aside):
    """Call `on_text` in a thread of its own. On the way out it has been called with all, or an error is raised."""

    def __enter__(self) -> Self:
        self._changed = Condition()
        self._thread = Thread(target=copy_context().run, args=[self._run], name="streamfold on_text", daemon=True)
        self._thread.start()
        return self

    def __call__(self, text: str) -> None:
        """Hand `text` over; raise what ended the calls."""
        with self._changed:
            self._raise()
            self._waiting.append(text)
            self._changed.notify()

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

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._closed):
                    self._changed.wait()
                if not self._waiting:
                    return
                text = self._taken()
            try:
                outcome = self._on_text(text)
            except BaseException as error:
                self._failed(error)
            else:
                self._check(outcome)

    def _check(self, outcome: object) -> None:
        try:
            refuse_coroutine(outcome)
        except CallerError as refused:
            self.error = self.error or refused


class CallbackTask(_Aside):
    """Call `on_text` in a task of its own, and await what it returns: `CallbackThread` for asyncio."""

    async def __aenter__(self) -> Self:
        import asyncio  # here, because trio's users have no use for it

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise CallerError("coalesce needs a task of its own, and so asyncio") from None
        self._changed = asyncio.Event()
        self._wait = asyncio.wait
        self._task = asyncio.create_task(self._run())
        return self

    def __call__(self, text: str) -> None:
        """Hand `text` over; raise what ended the calls."""
        self._raise()
        self._waiting.append(text)
        self._changed.set()

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

    async def _run(self) -> None:
        while not self._closed or self._waiting:
            await self._changed.wait()
            self._changed.clear()
            if not self._waiting:
                continue
            try:
                outcome = self._on_text(self._taken())
                if isinstance(outcome, Awaitable):
                    await outcome
            except Exception as error:
                self._failed(error)
