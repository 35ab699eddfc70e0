"""Drive a fold over a plain iterable: pull, feed, hand on, close.

Nothing is decided here. A `Stream` pulls only when its reader asks, and closes its source as soon as the fold wants no
more, the reader leaves, or anything raises.
"""

from __future__ import annotations

import atexit
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack
from weakref import WeakSet

from .callbacks import Callbacks, CallbackThread, OnReset, OnText, callbacks_of, refuse_coroutine
from .closing import attach_partial, close_source
from .course import Course
from .errors import CallerError
from .events import Event, Reset, TextDelta
from .folding import Shown
from .intake import StreamOptions
from .reply import Reply, Verdict
from .signals import ShowFailed
from .sources.opening import Taken, aopened, opened

if TYPE_CHECKING:
    from .clocks import Deadline
    from .network.request import Request
    from .network.sync import Network


def fold(
    source: Iterable[Any] | Request | Sequence[Request],
    *,
    on_text: OnText | None = None,
    on_reset: OnReset | None = None,
    coalesce: bool = False,
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
            ends; where its producer may die, with ``timeouts`` or `sources.watched`. It is closed, if it can be, when
            the fold leaves it early. Or a `Request`, which is made; or several, each for the case that those before it
            fail.
        on_text: Called with each piece of text that is safe to show. If it raises, the error is logged and kept as
            `Reply.callback_error`, and the stream goes on: a broken display must not cost the answer.
        on_reset: Called with the `Reset` where a request is made again after text was shown, and what was shown does
            not count: `RetryPolicy.after_text`.
        coalesce: Whether they are called in a thread of their own, with all the text that arrived since the last call:
            however slow they are, they neither slow the stream nor miss a character. By default it waits for them.
        raise_callback_errors: Whether an error of theirs ends the stream and passes through instead; with `coalesce`,
            when the next piece of text comes.
        options: ``stop``, ``include_stop``, ``tags``, ``dialect``, ``content_type``, ``raw``, ``graphemes``,
            ``timeouts``, ``retry``, ``client``, ``taps``: see `Options` and `StreamOptions`.

    Raises:
        CallerError: `source` is not iterable, a callback is not callable or async, or an option cannot be meant.
        MissingExtraError: `source` is a `Request`, and no HTTP client is installed.
    """
    callbacks = callbacks_of(on_text, on_reset, options.get("retry"), raise_callback_errors, plain=True)
    with Stream(source, **options) as opened:
        if not coalesce:
            return opened._drain(callbacks)
        with CallbackThread(callbacks, lambda: opened._course.fold) as aside:
            opened._drain(aside)
        return opened.reply


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
        self._feed: Chunks | Network = _network(self._course) if self._course.attempts else Chunks(source, self._course)
        if self._course.record is not None:
            from .recordings.recorder import record

            record(self._course, monotonic())
        self._closed = False
        if self._course.attempts:
            _requests.add(self)

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
        """Consume a source that has no limits and no watchers, taking no times: `_pull` without what these ask for."""
        intake = self._course.intake
        while not self._closed:
            try:
                shown = intake.run(chunks, callbacks.on_text)
            except ShowFailed as failed:
                refuse_coroutine(failed.outcome)
                if isinstance(failed.__cause__, Exception):
                    callbacks.raised(failed.__cause__, intake.fold)
            except BaseException as error:
                self._course.ran()
                self._show(self._source_ended(error), callbacks)
            else:
                self._course.ran()
                self._course.took(None, shown, monotonic())  # its bytes were counted
                self._show([*shown, *self._end()] if intake.fold.ended else shown, callbacks)

    def _show(self, shown: Shown, callbacks: Callbacks) -> None:
        for piece in shown:
            outcome = None
            try:
                if isinstance(piece, str):
                    outcome = callbacks.on_text(piece)
                elif isinstance(piece, Reset):
                    outcome = callbacks.on_reset(piece)
            except Exception as error:
                callbacks.raised(error, self._course.fold)
            refuse_coroutine(outcome)

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
        self._closed = not course.again
        try:
            if course.again:
                self._feed.again()
            else:
                self._feed.end(course.is_finished, cause)
        except Exception as failure:
            course.fold.notes.add(f"closing the source raised {type(failure).__name__}: {failure}")
        return shown


_requests: WeakSet[Stream] = WeakSet()


@atexit.register
def _close_requests() -> None:
    """Leave what a program leaves open when it ends: later there are no threads, which leaving may need."""
    for left in list(_requests):
        left.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_requests.clear)  # a parent's streams are not the child's to leave


class Chunks:
    """What a `Stream` reads from, where it is an iterable in this process.

    Attributes:
        chunks: The iterator of them.
        read: Return the next chunk; raises ``StopIteration`` at the end.
        passed: The deadline that passed in a read.
    """

    def __init__(self, source: Any, course: Course) -> None:
        self.passed: Deadline | None = None
        self._source = source
        self._course = course
        self.chunks = iterate(source)
        self.read = self.chunks.__next__
        if course.is_timed and isinstance(self.chunks, Taken):
            self.chunks.overdue = self._overdue

    def look(self) -> None:
        """Watch no clock: a read of a plain iterable cannot be interrupted, and a queue looks by itself."""

    def _overdue(self) -> bool:
        self.passed = self._course.clock.expired(monotonic())
        return self.passed is not None

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
    from .network.sync import Network
    from .network.transports import transport_for

    return Network(course, transport_for(course.client))


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
