"""Drive a fold over a plain iterable: pull, feed, hand on, close.

Nothing is decided here. A `Stream` pulls only when its reader asks, and closes its source as soon as the fold wants no
more, the reader leaves, or anything raises.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, Unpack

from .closing import attach_partial, close_source
from .course import Course
from .errors import CallerError
from .events import Event, Reset, TextDelta
from .folding import Fold, Shown
from .intake import StreamOptions
from .reply import Reply, Verdict
from .sources.opening import aopened, opened

if TYPE_CHECKING:
    from .clocks import Deadline
    from .network import Network
    from .request import Request
    from .retry import RetryPolicy

_log = logging.getLogger("streamfold")

OnText = Callable[[str], object]
OnReset = Callable[[Reset], object]


def fold(
    source: Iterable[Any] | Request | Sequence[Request],
    *,
    on_text: OnText | None = None,
    on_reset: OnReset | None = None,
    raise_callback_errors: bool = False,
    **options: Unpack[StreamOptions],
) -> Reply:
    """Fold `source` into a `Reply`, handing its text on as it arrives.

    However the stream ends, the reply holds what was received and a verdict; `Reply.raise_for_verdict` raises if it is
    not a whole answer. Only an interrupt such as Ctrl-C passes through; it then carries the reply as its attribute
    ``streamfold_partial``.

    Args:
        source: An iterable of str (text), of bytes (the body of a provider's response, cut anywhere), or of decoded
            chunks: mappings, or a client library's objects. A response may be given whole, and a queue that ``None``
            ends. It is closed, if it can be, when the fold leaves it early. Or a `Request`, which is made; or several,
            each for the case that those before it fail.
        on_text: Called with each piece of text that is safe to show. If it raises, the error is logged and kept as
            `Reply.callback_error`, and the stream goes on: a broken display must not cost the answer.
        on_reset: Called with the `Reset` where a request is made again after text was shown, and what was shown does
            not count: `RetryPolicy.after_text`.
        raise_callback_errors: Whether an error of theirs ends the stream and passes through instead.
        options: ``stop``, ``include_stop``, ``tags``, ``dialect``, ``content_type``, ``raw``, ``graphemes``,
            ``timeouts``, ``retry``, ``client``, ``taps``: see `Options` and `StreamOptions`.

    Raises:
        CallerError: `source` is not iterable, a callback is not callable, or an option cannot be meant.
        MissingExtraError: `source` is a `Request`, and no HTTP client is installed.
    """
    callbacks = callbacks_of(on_text, on_reset, options.get("retry"), raise_callback_errors)
    with Stream(source, **options) as opened:
        return opened._drain(callbacks)


class Stream(Iterator[Event]):
    """A stream that is being folded: iterate its events, or only its text with `text_stream`.

    As a context manager it closes the source on the way out, wherever the reader left. The last event is always
    `StreamEnd`; errors of the stream are in its reply, not raised.
    """

    def __init__(self, source: Iterable[Any] | Request | Sequence[Request], **options: Unpack[StreamOptions]) -> None:
        self._closed = True  # until there is something to close
        self._leaving = False
        self._reading = Lock()
        self._waiting: deque[str | Event] = deque()
        self._course = Course(source, options, monotonic())
        self._feed: Chunks | Network = _network(self._course) if self._course.attempts else Chunks(source)
        if self._course.record is not None:
            from .recordings.recorder import record

            record(self._course, monotonic())
        self._closed = False

    @property
    def reply(self) -> Reply:
        """What was received so far; its verdict is ``None`` while the stream runs."""
        return self._course.reply(monotonic())

    @property
    def text_stream(self) -> Iterator[str]:
        """The text alone, piece by piece."""
        return (event.text for event in self if isinstance(event, TextDelta) and event.choice == 0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopIteration
            with self._reading:
                self._waiting.extend(self._pull())
        event = self._waiting.popleft()
        return TextDelta(event) if isinstance(event, str) else event

    def close(self) -> None:
        """Leave the stream: close its source at once. What was received stays in `reply`.

        May be called from another thread while one waits for the next event. Of a request, that one then gets the
        `StreamEnd` without further ado; of other sources, once it has its next chunk, unless their own ``close`` makes
        them give up.
        """
        self._leaving = True
        if not self._reading.acquire(blocking=False):
            self._feed.interrupt()
            return
        try:
            self._waiting.clear()
            self._end(Verdict.CANCELLED)
        finally:
            self._reading.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(Verdict.CANCELLED, cause=error)
        if error is not None:
            attach_partial(error, self.reply)

    def __del__(self) -> None:
        self._end(Verdict.CANCELLED)

    def _pull(self) -> Shown:
        """Return what the next chunk lets out; at the end, what closing does."""
        if self._leaving:
            return self._end(Verdict.CANCELLED)
        try:
            chunk = self._feed.read()
        except BaseException as error:
            return self._source_ended(error)
        course = self._course
        shown = course.intake.feed(chunk)
        if course.took(chunk, shown, monotonic()):
            self._feed.look()
        if course.intake.fold.ended:
            return shown + self._end()
        if course.passed:
            return shown + self._end(passed=course.passed)
        return shown

    def _drain(self, callbacks: Callbacks) -> Reply:
        """Consume the whole stream: `__next__` without the events that nobody asked for."""
        if self._course.is_simple and isinstance(self._feed, Chunks):
            self._drain_simple(self._feed.chunks, callbacks)
        while not self._closed:
            self._show(self._pull(), callbacks)
        return self.reply

    def _drain_simple(self, chunks: Iterator[Any], callbacks: Callbacks) -> None:
        """Consume a source that has no limits and no watchers: `_pull` and `_show` written out."""
        course, intake, show, n_pieces = self._course, self._course.intake, callbacks.on_text, 0
        shown: Shown
        while not self._closed:
            try:
                chunk = next(chunks)
            except BaseException as error:
                course.skipped(n_pieces)
                shown = self._source_ended(error)
            else:
                taken = intake.take(chunk)
                if isinstance(taken, str):  # as nearly always; then the stream has not ended
                    n_pieces += 1
                    try:
                        show(taken)
                    except Exception as error:
                        callbacks.raised(error, intake.fold)
                    continue
                shown = taken
                course.took(chunk, shown, monotonic())
                if intake.fold.ended:
                    course.skipped(n_pieces)
                    shown = [*shown, *self._end()]
            self._show(shown, callbacks)

    def _show(self, shown: Shown, callbacks: Callbacks) -> None:
        for piece in shown:
            try:
                if isinstance(piece, str):
                    callbacks.on_text(piece)
                elif isinstance(piece, Reset):
                    callbacks.on_reset(piece)
            except Exception as error:
                callbacks.raised(error, self._course.fold)

    def _source_ended(self, error: BaseException) -> Shown:
        if self._leaving:
            return self._end(Verdict.CANCELLED)
        if passed := self._feed.passed:
            return self._end(passed=passed)
        if isinstance(error, StopIteration):
            return self._end()
        if isinstance(error, Exception):
            return self._end(error=error)
        self._end(Verdict.CANCELLED, cause=error)
        raise error

    def _end(
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
        if course.again:
            self._feed.again()
            return shown
        self._closed = True
        try:
            self._feed.end(course.is_finished, cause)
        except Exception as failure:
            course.fold.notes.add(f"closing the source raised {type(failure).__name__}: {failure}")
        return shown


class Chunks:
    """What a `Stream` reads from, where it is an iterable in this process.

    Attributes:
        chunks: The iterator of them.
        read: Return the next chunk; raises ``StopIteration`` at the end.
    """

    passed = None

    def __init__(self, source: Any) -> None:
        self._source = source
        self.chunks = iterate(source)
        self.read = self.chunks.__next__

    def look(self) -> None:
        """Watch no clock: a read of a plain iterable cannot be interrupted."""

    def interrupt(self) -> None:
        """Close the source, whose own matter it is whether that ends a read in another thread."""
        with suppress(Exception):  # a generator that runs cannot be closed; it is, after its next chunk
            close_source(self.chunks, self._source, None)

    def again(self) -> None:
        """Begin no other attempt: there is none."""

    def end(self, finished: bool, cause: BaseException | None) -> None:
        """Close the source."""
        close_source(self.chunks, self._source, None, cause)


def _network(course: Course) -> Network:
    from .network import Network
    from .transports import transport_for

    return Network(course, transport_for(course.client))


def _ignore(shown: object) -> None:
    """Show nothing."""


def stream(
    source: Iterable[Any] | Request | Sequence[Request],
    **options: Unpack[StreamOptions],
) -> Stream:
    """Open `source` as a `Stream` of events; the arguments are those of `fold`.

    Example::

        with stream(chunks, stop="END") as events:
            for text in events.text_stream:
                print(text, end="", flush=True)
        print(events.reply.verdict)
    """
    return Stream(source, **options)


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


def callbacks_of(on_text: Any, on_reset: Any, retry: RetryPolicy | None, raise_errors: bool) -> Callbacks:
    """Refuse what cannot be called, before the source is touched.

    Raises:
        CallerError: One of them cannot be called; or text may be taken back, and nobody would be told.
    """
    for name, callback in (("on_text", on_text), ("on_reset", on_reset)):
        if callback is not None and not callable(callback):
            raise CallerError(f"{name} is {type(callback).__name__}, expected a callable or None")
    if on_text is not None and on_reset is None and retry is not None and retry.after_text == "restart":
        raise CallerError("after_text='restart' takes text back: give on_reset with on_text, to hear of it")
    return Callbacks(on_text or _ignore, on_reset or _ignore, raise_errors)


def iterate(source: Any) -> Iterator[Any]:
    """Return an iterator of the chunks of `source`.

    Raises:
        CallerError: It is not iterable.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        source = (source,)  # one read; iterating it would give numbers
    if (found := opened(source)) is not None:
        return found
    try:
        return iter(source)
    except TypeError:
        hint = ": use afold or astream" if hasattr(source, "__aiter__") or aopened(source) else ""
        raise CallerError(f"source is {type(source).__name__}, expected an iterable of chunks{hint}") from None
