"""The course of one stream, as both drivers keep it: what takes the chunks, its clocks, its measures, its attempts.

Pure, but for what is drawn at random, the share of a wait and a name: a driver reads the clock and says what time it
is. It reads chunks, feeds them to `Course.intake`, tells `took` what that let out, and calls `over` where the source
ends, breaks, is left or is late. If `again` is set after that, there is another attempt to read from.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from random import random
from typing import TYPE_CHECKING, Any, cast

from .clocks import GRACE, NETWORK, Clock, Deadline, Timeouts
from .errors import CallerError, ProviderError, SourceError, StreamfoldError
from .events import StreamEnd
from .folding import Fold, Shown
from .intake import Intake, Options, StreamOptions
from .network.retry import RetryPolicy
from .reply import Reply, Verdict
from .reply.parts import ReasoningPart
from .reply.timing import Meter, Timing
from .signals import ReadingEnded

if TYPE_CHECKING:
    from .network.request import Request

NO_LIMITS = Timeouts(None, None, None, None, None)
_LEFT = {Verdict.CANCELLED, Verdict.TIMED_OUT}
_ONLY_REQUESTS = ("client", "retry")


class Course:
    """The course of one stream.

    Args:
        source: What is folded: if it is a `Request`, or several, there are attempts.
        options: How.
        now: When it begins, in seconds of a monotonic clock.

    Attributes:
        timeouts: The limits that hold.
        clock: They, running.
        is_timed: Whether there is any limit.
        attempts: What to ask, where the source is a `Request`.
        taps: Who watches.
        record: Where the driver is to record it, if anywhere.
        options: How it is folded.
        passed: The deadline that has passed, as of what `took` was told last.
        again: Whether, after `over`, there is another attempt.

    Raises:
        CallerError: An option cannot be meant.
    """

    def __init__(self, source: Any, options: StreamOptions, now: float) -> None:
        given: dict[str, Any] = getattr(source, "fold_options", {}) | options
        timeouts = given.pop("timeouts", Timeouts())
        retry = given.pop("retry", RetryPolicy())
        self.client = given.pop("client", None)
        self.taps: Sequence[Any] = given.pop("taps", ())
        self.record = given.pop("record", None)
        self.options = given
        requests = requests_of(source)
        if requests is None and (useless := [name for name in _ONLY_REQUESTS if options.get(name) is not None]):
            raise CallerError(f"{useless[0]} is for requests only, and the source is {type(source).__name__}")
        self.timeouts = (timeouts or NO_LIMITS).settled(NETWORK if requests else None)
        self.clock = Clock(self.timeouts, now)
        self.is_timed = self.timeouts != NO_LIMITS
        self.passed: Deadline | None = None
        self.again = False
        self._more = 0  # `n_more` of the intake, as of the last read
        self._meter = Meter(now)
        self._timing: Timing | None = None
        self.attempts = None
        if requests:
            from .network.attempts import Attempts

            name = os.urandom(16).hex()  # whoever knows it may read along, on servers that go by it
            self.attempts = Attempts(requests, retry, cast("Options", given), now, name)
            self.intake = self.attempts.intake
        else:
            self.intake = Intake(**given)

    @property
    def is_simple(self) -> bool:
        """Whether there is nothing to do but to fold: no limits, no attempts, nobody who watches."""
        return not (self.is_timed or self.attempts or self.taps)

    @property
    def is_finished(self) -> bool:
        """Whether the response of a stream that is over may be expected to end as well: its sender had said all."""
        if self.attempts is None:
            return False
        reply = self.fold.reply
        return reply.error is None and reply.stop is None and reply.verdict not in _LEFT

    @property
    def fold(self) -> Fold:
        """Where everything goes."""
        return self.intake.fold

    def reply(self, now: float) -> Reply:
        """Return what was received so far."""
        return self._completed(self.fold.reply, now)

    def open_limits(self, now: float) -> tuple[float | None, float | None]:
        """Return how many seconds connecting, and the head of the response, may take from now on."""
        deadline = self.clock.deadline()
        left = None if deadline is None else max(deadline.at - now, GRACE)
        connect = self.timeouts.connect
        if not isinstance(connect, int | float) or connect == math.inf:
            return left, left
        return connect if left is None else min(connect, left), left

    def asked(self, now: float) -> Request:
        """Return what is to be asked; note that it is about to be."""
        assert self.attempts is not None
        request = self.attempts.asked()
        for tap in self.taps:
            tap.request(request, self.attempts.number, now)
        return request

    def answered(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Take in the head of a response that is a stream."""
        assert self.attempts is not None
        self.attempts.answered(status, headers)
        self._more = self.intake.n_more
        for tap in self.taps:
            tap.response(status, headers, now)

    def took(self, chunk: Any, shown: Shown | str, now: float) -> bool:
        """Note that `chunk` came and let out `shown`; return whether an earlier deadline may hold from now on.

        Args:
            chunk: What came.
            shown: What `Intake.take` gave for it: text as it is was one frame, as most are, and is told in few steps.
            now: When.
        """
        for tap in self.taps:
            tap.chunk(chunk, now)
        n_bytes = len(chunk) if isinstance(chunk, bytes) else 0
        if isinstance(shown, str):
            self._meter.one(n_bytes, now)
            return self._heard(now)
        more, self._more = self._more, self.intake.n_more
        self._meter.read(n_bytes, 1 + self._more - more, len(shown) - 1)
        fold = self.intake.fold
        kind = fold.heard
        if kind is None and not shown:
            self.passed = self.clock.expired(now) if self.is_timed else None
            return False
        fold.heard = None
        self._meter.stamp(now)
        return self._heard(now, kind is ReasoningPart)

    def _heard(self, now: float, reasoning: bool = False) -> bool:
        if now >= self.clock.total_at:
            self.passed = self.clock.expired(now)
        return self.is_timed and self.clock.content(now, reasoning)

    def ran(self) -> None:
        """Note what ``intake.run`` has shown: pieces of text, each in a read of its own, at times nobody took."""
        n_shown, n_bytes = self.intake.counted()
        self._meter.unmarked(n_shown)
        self._meter.read(n_bytes)

    def over(
        self, now: float, verdict: Verdict | None = None, error: Exception | None = None, passed: Deadline | None = None
    ) -> Shown:
        """End the attempt, and with it the stream unless `again`; return what can be handed on.

        Args:
            now: When.
            verdict: How it ended, as far as its reader knows; ``None`` where it ran to its own end.
            error: What the source raised.
            passed: The deadline that passed.
        """
        failure = _failure(error)
        if passed is None and isinstance(error, TimeoutError):
            passed = self.clock.expired(now)  # it was the client that kept the time
        if passed is not None:
            verdict, failure = Verdict.TIMED_OUT, None
            self.fold.passed = passed.sentence(now)
        elif isinstance(error, ReadingEnded):
            verdict, failure, self.fold.passed = error.verdict, error.error, error.passed
        elif failure is not None:
            verdict = Verdict.TRUNCATED if self._is_broken_off(error) else Verdict.ERRORED
        is_final = verdict is Verdict.CANCELLED or (passed is not None and passed.which == "total")
        self.again = False
        if self.attempts is None:
            shown = self.intake.close(verdict, failure)
        elif is_final:
            shown = self.attempts.leave(verdict, failure)
        else:
            shown = self.attempts.close(verdict, failure, now, random(), self._meter.n_bytes)
            self.again = self.attempts.again
        if self.again:
            return self._begin_again(shown, now)
        self._timing = self._meter.timing(now)
        for event in shown:
            if isinstance(event, StreamEnd):
                self._completed(event.reply, now)
                for tap in self.taps:
                    tap.end(event.reply, now)
        return shown

    def _is_broken_off(self, error: Exception | None) -> bool:
        """Tell whether the network broke in mid-response; whether that shows as an error is up to HTTP's framing."""
        return isinstance(error, OSError) and self.attempts is not None and self.attempts.response is not None

    def _begin_again(self, shown: Shown, now: float) -> Shown:
        assert self.attempts is not None
        self.intake = self.attempts.intake
        self.fold.passed = None  # where it is the old fold that goes on
        self._more = self.intake.n_more
        self.passed = None
        self.clock.restart(now + self.attempts.wait)
        for tap in self.taps:
            tap.retry(self.attempts.failed[-1], self.attempts.wait, now)
        return shown

    def _completed(self, reply: Reply, now: float) -> Reply:
        reply.timing = self._timing or self._meter.timing(now)
        if self.attempts is not None:
            reply.response = self.attempts.response
            reply.failed_attempts = list(self.attempts.failed)
        return reply


def requests_of(source: Any) -> list[Any] | None:
    """Return the requests that `source` is; ``None`` if it is something else.

    Raises:
        CallerError: Some of it are requests, and some are not.
    """
    module = sys.modules.get(f"{__package__}.network.request")  # not loaded: then there are none
    if module is None:
        return None
    if isinstance(source, module.Request):
        return [source]
    if isinstance(source, list | tuple) and any(isinstance(one, module.Request) for one in source):
        for one in source:
            if not isinstance(one, module.Request):
                raise CallerError(f"{type(one).__name__} among the requests, expected requests alone")
        return list(source)
    return None


def _failure(error: Exception | None) -> StreamfoldError | None:
    return error if error is None or isinstance(error, ProviderError) else SourceError(error)
