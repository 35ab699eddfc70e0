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
- On the server, a response that outlives its connection: `to_cancel` is the request that ends it, for the driver to
  make once it has let go of the connection.
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
from ..signals import Seam
from .continuing import Break, Way, way_of
from .request import Request
from .responses import Response, telling
from .retry import Again, Continue, Failure, GiveUp, Restart, RetryPolicy, decide, delivered

GONE = {404, 410}
"""What a server answers that knows nothing of the response which it is to cancel: it has ended."""

_FAILED = {Verdict.TRUNCATED, Verdict.ERRORED, Verdict.TIMED_OUT}
_SAID = {Verdict.COMPLETE, Verdict.LENGTH, Verdict.TOOL_CALLS, Verdict.FILTERED, Verdict.REFUSED}
NEVER = RetryPolicy(attempts=1)


class Attempts:
    """The attempts to get one answer.

    Args:
        requests: What to ask, one endpoint after the other.
        policy: How much is done; ``None`` is one attempt on each endpoint.
        options: How each attempt is folded.
        started: When it began, in seconds of a monotonic clock.
        name: What nobody else can guess, by which the server may know its streams.

    Attributes:
        request: What to ask now.
        intake: Takes what the response brings.
        number: Which attempt it is, counted from 1 over all endpoints.
        wait: How many seconds to wait before it.
        again: Whether, after `close`, there is another one.
        failed: Why the attempts before this one failed, a sentence each.
        seam: Where this attempt goes on with what the one before has brought.
        response: What the server said before the stream, once it did.
        to_cancel: After `close` or `leave`: the request that ends what the server goes on with; usually there is none.
    """

    def __init__(
        self, requests: Sequence[Request], policy: RetryPolicy | None, options: Options, started: float, name: str
    ) -> None:
        self._ways = [way_of(request) for request in requests]
        self._policy = replace(policy or NEVER, endpoints=len(requests))
        self._requests = requests
        self._options = options
        self._started = started
        self._name = name
        self._attempt, self._endpoint = 1, 0
        self._is_asked = False
        self._n_bytes = 0  # that came before this stream began
        self.number = 1
        self.request = self._begun = self._named(0, 1)
        self.wait = 0.0
        self.again = False
        self.failed: list[str] = []
        self.seam: Seam | None = None
        self.response: Response | None = None
        self.to_cancel: Request | None = None
        self.intake = self._new_intake()

    def asked(self) -> Request:
        """Return `request`, which is about to be made."""
        self._is_asked = True
        return self.request

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in the head of a response that is a stream."""
        self.response = Response(status, telling(headers), self.number)
        if self._is_resumed:
            return  # the machine knows its wire
        content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
        self.intake.begin_wire(content_type)

    def close(
        self, verdict: Verdict | None, error: StreamfoldError | None, now: float, random: float, n_bytes: int
    ) -> Shown:
        """End the attempt; return what can be handed on: of the last one its end, of another one next to nothing.

        Args:
            verdict: How it ended, as far as its reader knows; ``None`` where it ran to its own end.
            error: What broke it off.
            now: When, in seconds.
            random: A number drawn evenly from [0, 1).
            n_bytes: How many came, in all attempts.
        """
        before = self.intake.fold.reply
        self.again = False
        self.to_cancel = None
        if self._resumes(before, error, now, random, n_bytes):
            return []
        shown = self.leave(verdict, error)
        reply = self.intake.fold.reply
        if reply.verdict not in _FAILED:
            return shown
        decision = decide(self._policy, self._failure(reply.error, before, now), random)
        if isinstance(decision, GiveUp):
            return shown
        request = self._next_request(decision, reply)
        if request is None:
            return shown
        self._take(decision, request, reply.error or reply.passed)
        self._n_bytes = n_bytes
        notes = self.intake.fold.notes
        self.intake = self._new_intake()
        self.intake.fold.notes = notes  # the callback's errors among them
        if isinstance(decision, Continue):
            self.seam = Seam(reply.text)
            return self.intake.resume(reply.text, len(before.text))
        self._begun = request
        return [Reset(self.number, self.failed[-1])] if isinstance(decision, Restart) else []

    def leave(self, verdict: Verdict | None, error: StreamfoldError | None) -> Shown:
        """End the attempt, as `close` does where there is no other one."""
        shown = self.intake.close(verdict, error)
        reply = self.intake.fold.reply
        is_refused = isinstance(reply.error, ProviderError) and not self._is_resumed
        is_over = reply.verdict in _SAID or is_refused or not self._is_asked
        self.to_cancel = None if is_over else self._way.cancellation(self._begun, reply)
        self._is_asked = False
        return shown

    def cancelled(self, status: int | None, error: Exception | None = None) -> None:
        """Take in what came of `to_cancel`: the status of the response; else what went wrong."""
        self.to_cancel = None
        if status is None or not (200 <= status < 300 or status in GONE):
            why = error if status is None else f"status {status}"
            self.intake.fold.notes.add(f"the server may go on with a response that nobody reads: {why}")

    def _resumes(self, before: Reply, error: StreamfoldError | None, now: float, random: float, n_bytes: int) -> bool:
        """Take the stream up where it broke off, where the server can send just what is missing."""
        unit = self._way.resumes_at
        if unit is None or self.intake.fold.ended or before.finish_reason is not None:
            return False
        decision = decide(self._policy, self._failure(error, before, now), random)
        if not isinstance(decision, Continue):
            return False
        request = self._way.rest(self._begun, Break(before, n_bytes - self._n_bytes, self.intake.cursor))
        if request is None:
            return False
        self._take(decision, request, error or before.passed)
        self.seam = Seam(None, unit)
        self.intake.feed(self.seam)
        return True

    @property
    def _way(self) -> Way:
        return self._ways[self._endpoint]

    @property
    def _is_resumed(self) -> bool:
        """Whether this attempt brings the rest of the same stream."""
        return self.seam is not None and self.seam.text is None

    def _next_request(self, decision: Again, reply: Reply) -> Request | None:
        """Return what to ask for another stream; ``None`` if there is no way."""
        if not isinstance(decision, Continue):
            return self._named(decision.endpoint, self.number + 1)
        return None if self._way.resumes_at else self._way.rest(self._begun, Break(reply))

    def _named(self, endpoint: int, number: int) -> Request:
        """Return the request for attempt `number`: under a name of its own, so that no late `to_cancel` hits it."""
        return self._ways[endpoint].named(self._requests[endpoint], f"{self._name}-{number}")

    def _failure(self, error: StreamfoldError | None, before: Reply, now: float) -> Failure:
        if error is None and self.intake.fold.passed:
            error = SourceError(TimeoutError(self.intake.fold.passed))
        asked = error.retry_after if isinstance(error, ProviderError) else None
        return Failure(error, delivered(before), now - self._started, asked, self._attempt, self._endpoint)

    def _take(self, decision: Again, request: Request, why: StreamfoldError | str | None) -> None:
        self.request = request
        self.failed.append(str(why or "the stream broke off"))
        self._attempt, self._endpoint, self.wait = decision.attempt, decision.endpoint, decision.wait
        self.number += 1
        self.again = True
        self.seam = None
        self.response = None

    def _new_intake(self) -> Intake:
        options: dict[str, Any] = dict(self._options)
        if options.get("dialect") is None:
            options["dialect"] = self.request.dialect
        return Intake(**options)
