"""Drive a fold over an async iterable: `sync`, waiting where the source or the callback waits.

Runs under asyncio and trio, and imports neither: it awaits only what the source and the callback give it. A plain
iterable is taken too; if it blocks, it blocks the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .callbacks import Callbacks, CallbackTask, callbacks_of
from .closing import aclose_source, attach_partial
from .course import Course
from .events import Event, Reset, TextDelta
from .folding import Shown
from .intake import StreamOptions
from .reply import Reply, Verdict
from .sources.javascript import JavaScriptChunks, is_javascript
from .sources.opening import aopened
from .sync import iterate

if TYPE_CHECKING:
    from .clocks import Deadline
    from .network.aio import AsyncNetwork
    from .network.awatch import AsyncWatch
    from .network.request import Request

OnText = Callable[[str], object | Awaitable[object]]
OnReset = Callable[[Reset], object | Awaitable[object]]


async def afold(
    source: AsyncIterable[Any] | Iterable[Any] | Request | Sequence[Request],
    *,
    on_text: OnText | None = None,
    on_reset: OnReset | None = None,
    coalesce: bool = False,
    raise_callback_errors: bool = False,
    **options: Unpack[StreamOptions],
) -> Reply:
    """Fold `source` into a `Reply`, as `streamfold.fold` does, waiting where the source or the callback waits.

    Cancellation passes through once the source is closed, and carries the reply so far as its attribute
    ``streamfold_partial``.

    Args:
        source: An async or a plain iterable, as for `streamfold.fold`; an async response or queue.
        on_text: Called with each piece of text; if it returns an awaitable, that is awaited before more is pulled.
        on_reset: Called, and awaited, in the same way, as for `streamfold.fold`.
        coalesce: Whether they are called in a task of their own, with all the text that arrived since the last call;
            needs asyncio.
        raise_callback_errors: Whether an error of theirs ends the stream and passes through; with `coalesce`, when the
            next piece of text comes.
        options: See `Options` and `StreamOptions`.

    Raises:
        CallerError: `source` is not iterable, a callback is not callable, or an option cannot be meant.
        MissingExtraError: `source` is a `Request`, and no HTTP client is installed.
    """
    callbacks = callbacks_of(on_text, on_reset, options.get("retry"), raise_callback_errors)
    async with AsyncStream(source, **options) as opened:
        if not coalesce:
            return await opened._drain(callbacks)
        async with CallbackTask(callbacks, lambda: opened._course.fold) as aside:
            await opened._drain(aside)
        return opened.reply


class AsyncStream(AsyncIterator[Event]):
    """A stream that is being folded: `streamfold.Stream`, for async code.

    Leave it through ``async with`` or `aclose`: only there can closing the source be awaited.
    """

    def __init__(
        self, source: AsyncIterable[Any] | Iterable[Any] | Request | Sequence[Request], **options: Unpack[StreamOptions]
    ) -> None:
        self._closed = True  # until there is something to close
        self._waiting: deque[str | Event] = deque()
        self._course = Course(source, options, monotonic())
        self._feed: AsyncChunks | AsyncNetwork = (
            _network(self._course) if self._course.attempts else AsyncChunks(source)
        )
        if self._course.record is not None:
            from .recordings.recorder import record

            record(self._course, monotonic())
        self._watch: AsyncWatch | None = None
        self._closed = False

    @property
    def reply(self) -> Reply:
        """What was received so far; its verdict is ``None`` while the stream runs."""
        return self._course.reply(monotonic())

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
            shown = await self._pull()
            if isinstance(shown, str):
                return TextDelta(shown)
            self._waiting.extend(shown)
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

    def __del__(self) -> None:
        if not self._closed:
            self._closed = True
            self._course.over(monotonic(), Verdict.CANCELLED)
            with suppress(RuntimeError):  # the event loop is closed, and its sockets with it
                self._feed.abort()
            if self._watch:
                self._watch.stop()

    async def _pull(self) -> Shown | str:
        """Return what the next chunk lets out; at the end, what closing does.

        Each coroutine between the reader and its socket is entered twice for each token: so there are few.
        """
        try:
            chunk = await self._begin_read()
        except (StopIteration, StopAsyncIteration):
            return await self._end()
        except BaseException as error:
            if self._watch and self._watch.ended(error):
                return await self._end(passed=self._watch.passed)
            if isinstance(error, Exception):
                return await self._end(error=error)
            await self._end(Verdict.CANCELLED, cause=error)
            raise
        if self._watch:
            self._watch.since = None
        if not chunk and self._feed.ends_empty:
            return await self._end()
        course = self._course
        shown = course.intake.take(chunk)
        if course.took(chunk, shown, monotonic()) and self._watch:
            self._watch.look()
        if course.intake.fold.ended:
            return [*_listed(shown), *await self._end()]
        if course.passed:
            return [*_listed(shown), *await self._end(passed=course.passed)]
        return shown

    def _begin_read(self) -> Awaitable[Any]:
        if not self._course.is_timed:
            return self._feed.read()
        if self._watch is None:
            from .network.awatch import watch_over

            self._watch = watch_over(self._course.clock)
        return self._watch.begin(self._feed.read)

    async def _drain(self, callbacks: Callbacks) -> Reply:
        """Consume the whole stream: `__anext__` without the events that nobody asked for."""
        while not self._closed:
            shown = await self._pull()
            for piece in _listed(shown):
                try:
                    if isinstance(piece, str):
                        outcome = callbacks.on_text(piece)
                    elif isinstance(piece, Reset):
                        outcome = callbacks.on_reset(piece)
                    else:
                        continue
                    if outcome is not None and isinstance(outcome, Awaitable):
                        await outcome
                except Exception as error:
                    callbacks.raised(error, self._course.fold)
        return self.reply

    async def _end(
        self,
        verdict: Verdict | None = None,
        error: Exception | None = None,
        passed: Deadline | None = None,
        cause: BaseException | None = None,
    ) -> Shown:
        """End the stream, or this attempt; return what that lets out."""
        if self._closed:
            return []
        course = self._course
        shown = course.over(monotonic(), verdict, error, passed)
        if self._watch:
            self._watch.stop()
            self._watch.passed = None
        self._closed = not course.again
        try:
            if course.again:
                await self._feed.again()
            else:
                await self._feed.end(course.is_finished, cause)
        except Exception as failure:
            course.fold.notes.add(f"closing the source raised {type(failure).__name__}: {failure}")
        return shown


def _listed(shown: Shown | str) -> Sequence[str | Event]:
    return (shown,) if isinstance(shown, str) else shown


class AsyncChunks:
    """What an `AsyncStream` reads from, where it is an iterable in this process.

    Attributes:
        ends_empty: Whether an empty chunk is the end.
        read: Return, to be awaited, the next chunk; raises ``StopAsyncIteration`` at the end.
    """

    ends_empty = False

    def __init__(self, source: Any) -> None:
        self._source = source
        self._chunks = aiterate(source)
        self.read = self._chunks.__anext__ if isinstance(self._chunks, AsyncIterator) else self._next

    async def _next(self) -> Any:
        try:
            return next(self._chunks)  # type: ignore[arg-type]
        except StopIteration:
            raise StopAsyncIteration from None  # the other may not leave a coroutine

    def abort(self) -> None:
        """Do nothing: closing it is to be awaited."""

    async def again(self) -> None:
        """Begin no other attempt: there is none."""

    async def end(self, finished: bool, cause: BaseException | None) -> None:
        """Close the source."""
        await aclose_source(self._chunks, self._source, None, cause)


def _network(course: Course) -> AsyncNetwork:
    from .network.aio import AsyncNetwork
    from .network.transports import async_transport_for

    return AsyncNetwork(course, async_transport_for(course.client))


def aiterate(source: Any) -> AsyncIterator[Any] | Iterator[Any]:
    """Return an iterator of the chunks of `source`, async where it can be.

    Raises:
        CallerError: It is not iterable.
    """
    if is_javascript(source):
        return JavaScriptChunks(source)
    if (found := aopened(source)) is not None:
        return found
    return aiter(source) if isinstance(source, AsyncIterable) else iterate(source)


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
    source: AsyncIterable[Any] | Iterable[Any] | Request | Sequence[Request],
    **options: Unpack[StreamOptions],
) -> AsyncStream:
    """Open `source` as an `AsyncStream` of events; the arguments are those of `afold`.

    Example::

        async with astream(response.content.iter_any(), stop="END") as events:
            async for text in events.text_stream:
                print(text, end="", flush=True)
        print(events.reply.verdict)
    """
    return AsyncStream(source, **options)
