"""Drive a fold over an async iterable: `sync`, waiting where the source or the callback waits.

Runs under asyncio and trio, and imports neither: it awaits only what the source and the callback give it. A plain
iterable is taken too; if it blocks, it blocks the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, Unpack

from .closing import aclose_source, attach_partial
from .errors import SourceError
from .events import Event, TextDelta
from .folding import Shown
from .intake import Intake, Options
from .reply import Reply, Verdict
from .sources.javascript import JavaScriptChunks, is_javascript
from .sources.opening import aopened
from .sync import check_callback, iterate, log_callback_error

OnText = Callable[[str], object | Awaitable[object]]


async def afold(
    source: AsyncIterable[Any] | Iterable[Any],
    *,
    on_text: OnText | None = None,
    raise_callback_errors: bool = False,
    **options: Unpack[Options],
) -> Reply:
    """Fold `source` into a `Reply`, as `streamfold.fold` does, waiting where the source or the callback waits.

    Cancellation passes through once the source is closed, and carries the reply so far as its attribute
    ``streamfold_partial``.

    Args:
        source: An async or a plain iterable, as for `streamfold.fold`; an async response or queue.
        on_text: Called with each piece of text; if it returns an awaitable, that is awaited before more is pulled.
        raise_callback_errors: Whether an error of `on_text` ends the stream and passes through.
        options: See `Options`.

    Raises:
        CallerError: `source` is not iterable, `on_text` is not callable, or an option cannot be meant.
    """
    check_callback(on_text)
    async with AsyncStream(source, **options) as opened:
        return await opened._drain(on_text, raise_callback_errors)


class AsyncStream(AsyncIterator[Event]):
    """A stream that is being folded: `streamfold.Stream`, for async code.

    Leave it through ``async with`` or `aclose`: only there can closing the source be awaited.
    """

    def __init__(
        self,
        source: AsyncIterable[Any] | Iterable[Any],
        **options: Unpack[Options],
    ) -> None:
        self._intake = Intake(**options)
        self._fold = self._intake.fold
        self._waiting: deque[str | Event] = deque()
        self._source = source
        self._chunks = aiterate(source)
        self._closed = False

    @property
    def reply(self) -> Reply:
        """What was received so far; its verdict is ``None`` while the stream runs."""
        return self._fold.reply

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text alone, piece by piece."""
        return _Texts(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._waiting.extend(await self._pull())
        event = self._waiting.popleft()
        return TextDelta(event) if isinstance(event, str) else event

    async def aclose(self) -> None:
        """Leave the stream: close its source at once. What was received stays in `reply`."""
        self._waiting.clear()
        await self._end(Verdict.CANCELLED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end(Verdict.CANCELLED, cause=error)
        if error is not None:
            attach_partial(error, self.reply)

    async def _pull(self) -> Shown:
        """Return what the next chunk lets out; at the end, what closing does."""
        try:
            chunk = next(self._chunks) if isinstance(self._chunks, Iterator) else await anext(self._chunks)
        except (StopIteration, StopAsyncIteration):
            return await self._end()
        except Exception as error:
            return await self._end(Verdict.ERRORED, SourceError(error))
        except BaseException as error:
            await self._end(Verdict.CANCELLED, cause=error)
            raise
        shown = self._intake.feed(chunk)
        return shown + await self._end() if self._fold.ended else shown

    async def _drain(self, on_text: OnText | None, raise_callback_errors: bool) -> Reply:
        """Consume the whole stream: `__anext__` without the events that nobody asked for."""
        while not self._closed:
            for piece in await self._pull():
                if on_text is not None and isinstance(piece, str):
                    try:
                        outcome = on_text(piece)
                        if isinstance(outcome, Awaitable):
                            await outcome
                    except Exception as error:
                        if raise_callback_errors:
                            raise
                        log_callback_error(self._fold, error)
        return self.reply

    async def _end(
        self, verdict: Verdict | None = None, error: SourceError | None = None, cause: BaseException | None = None
    ) -> Shown:
        if self._closed:
            return []
        self._closed = True
        shown = self._intake.close(verdict, error)
        try:
            await aclose_source(self._chunks, self._source, None, cause)
        except Exception as failure:
            self._fold.notes.add(f"closing the source raised {type(failure).__name__}: {failure}")
        return shown


def aiterate(source: Any) -> AsyncIterator[Any] | Iterator[Any]:
    """Return an iterator of the chunks of `source`, async where it can be.

    Raises:
        CallerError: It is not iterable.
    """
    if is_javascript(source):
        return JavaScriptChunks(source)
    if isinstance(source, AsyncIterable):
        return aiter(source)
    found = aopened(source)
    return iterate(source) if found is None else found


class _Texts(AsyncIterator[str]):
    """The text of a stream. Not an async generator: one that its reader leaves would have to be closed as well."""

    def __init__(self, events: AsyncStream) -> None:
        self._events = events

    async def __anext__(self) -> str:
        while True:
            event = await anext(self._events)
            if isinstance(event, TextDelta) and event.choice == 0:
                return event.text


def astream(
    source: AsyncIterable[Any] | Iterable[Any],
    **options: Unpack[Options],
) -> AsyncStream:
    """Open `source` as an `AsyncStream` of events; the arguments are those of `afold`.

    Example::

        async with astream(response.content.iter_any(), stop="END") as events:
            async for text in events.text_stream:
                print(text, end="", flush=True)
        print(events.reply.verdict)
    """
    return AsyncStream(source, **options)
