"""Ask until there is an answer: which request is made next, what of a failed one counts, and what is handed on.

A pure state machine over `retry.decide`. A driver opens `request`, tells `answered` what the response's head said,
feeds `intake` with what it reads, and calls `close` where that ends. If `again` is set after that, there is another
attempt: it waits `wait` seconds, and begins anew. Nothing waits here, and no clock or random number is read.

What an attempt leaves behind:

- A retry begins with a new fold: nothing was delivered, so nothing is remembered.
- A restart does the same, after a `Reset` that takes back what was delivered.
- A continuation begins with a new fold too, into which the text so far is fed once more. It is the same text under the
  same stop sequences and tags, so the fold comes to the same state; and what it lets out, the reader has had. Where the
  server sends just what is missing, it is the old fold that goes on, and the old dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ProviderError, SourceError, StreamfoldError
from ..events import Reset
from ..folding import Shown
from ..intake import Intake, Options
from ..reply import Reply, Verdict
from .continuing import EXACT, check_continuation, continued
from .request import Request
from .responses import Response, telling
from .retry import Again, Continue, Failure, GiveUp, Restart, RetryPolicy, decide, delivered

_FAILED = {Verdict.TRUNCATED, Verdict.ERRORED, Verdict.TIMED_OUT}
NEVER = RetryPolicy(attempts=1)


class Attempts:
    """The attempts to get one answer.

    Args:
        requests: What to ask, one endpoint after the other.
        policy: How much is done; ``None`` is one attempt on each endpoint.
        options: How each attempt is folded.
        started: When it began, in seconds of a monotonic clock.

    Attributes:
        request: What to ask now.
        intake: Takes what the response brings.
        number: Which attempt it is, counted from 1 over all endpoints.
        wait: How many seconds to wait before it.
        again: Whether, after `close`, there is another one.
        why: What went wrong with the one before, as a sentence.
        is_reconnected: Whether this attempt brings the rest of the same stream.
        resumed: The text so far, where this attempt goes on after it.
        response: What the server said before the stream, once it did.
    """

    def __init__(
        self, requests: Sequence[Request], policy: RetryPolicy | None, options: Options, started: float
    ) -> None:
        for request in requests:
            check_continuation(request.continuation)
        self._policy = replace(policy or NEVER, endpoints=len(requests))
        self._requests = requests
        self._options = options
        self._started = started
        self._attempt, self._endpoint = 1, 0
        self.request = requests[0]
        self.number = 1
        self.wait = 0.0
        self.again = False
        self.why = ""
        self.is_reconnected = False
        self.resumed: str | None = None
        self.response: Response | None = None
        self.intake = self._new_intake()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in the head of a response that is a stream."""
        self.response = Response(status, telling(headers), self.number)
        if self.is_reconnected:
            return  # the machine knows its wire
        content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
        self.intake.begin_wire(content_type)

    def close(self, verdict: Verdict | None, error: StreamfoldError | None, now: float, random: float) -> Shown:
        """End the attempt; return what can be handed on: of the last one its end, of another one next to nothing.

        Args:
            verdict: How it ended, as far as its reader knows; ``None`` where it ran to its own end.
            error: What broke it off.
            now: When, in seconds.
            random: A number drawn evenly from [0, 1).
        """
        before = self.intake.fold.reply
        self.again = False
        if self._reconnects(before, error, now, random):
            return []
        shown = self.intake.close(verdict, error)
        reply = self.intake.fold.reply
        if reply.verdict not in _FAILED:
            return shown
        decision = decide(self._policy, self._failure(reply.error, before, now), random)
        if isinstance(decision, GiveUp):
            return shown
        request = self._request_for(decision, reply, None)
        if request is None:
            return shown
        self._take(decision, request, reply)
        notes = self.intake.fold.notes
        self.intake = self._new_intake()
        self.intake.fold.notes = notes  # the callback's errors among them
        if isinstance(decision, Continue):
            self.resumed = reply.text
            return self.intake.resume(reply.text, len(before.text))
        return [Reset(self.number, self.why)] if isinstance(decision, Restart) else []

    def _reconnects(self, before: Reply, error: StreamfoldError | None, now: float, random: float) -> bool:
        """Take the stream up where it broke off, where the server can send just what is missing."""
        if self.intake.fold.ended or self.request.continuation not in EXACT:
            return False
        decision = decide(self._policy, self._failure(error, before, now), random)
        if not isinstance(decision, Continue):
            return False
        request = self._request_for(decision, before, self.intake.cursor)
        if request is None:
            return False
        self.intake.reconnect()
        self._take(decision, request, before)
        self.is_reconnected = True
        return True

    def _request_for(self, decision: Again, reply: Reply, cursor: int | None) -> Request | None:
        """Return what to ask next; ``None`` if there is no way."""
        request = self._requests[decision.endpoint]
        return continued(request, reply, cursor) if isinstance(decision, Continue) else request

    def _failure(self, error: StreamfoldError | None, before: Reply, now: float) -> Failure:
        if error is None and self.intake.fold.passed:
            error = SourceError(TimeoutError(self.intake.fold.passed))
        asked = error.retry_after if isinstance(error, ProviderError) else None
        return Failure(error, delivered(before), now - self._started, asked, self._attempt, self._endpoint)

    def _take(self, decision: Again, request: Request, reply: Reply) -> None:
        self.why = str(reply.error or reply.passed or "the stream broke off")
        self._attempt, self._endpoint, self.wait = decision.attempt, decision.endpoint, decision.wait
        self.request = request
        self.number += 1
        self.again = True
        self.is_reconnected = False
        self.resumed = None
        self.response = None

    def _new_intake(self) -> Intake:
        options: dict[str, Any] = dict(self._options)
        if options.get("dialect") is None:
            options["dialect"] = self.request.dialect
        return Intake(**options)
