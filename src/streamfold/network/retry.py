"""Decide what follows a failed attempt: pure functions, nothing waits.

Nothing is ever said twice unasked. Before the first delivered content a failure that may pass is retried, on the same
endpoint and then on the next; after text it is the caller's choice; after reasoning or tool calls there is no way on.

Waits have full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a share, drawn at random, of a limit
that doubles. tenacity's `wait_random_exponential` computes the same, but from a mutable retry state and the global
generator; it is one line, which stays pure here.

How a driver uses it::

    failure = Failure(error, delivered(fold.reply), now() - started, asked_wait(headers, time()), attempt, endpoint)
    match decide(policy, failure, random()):
        case GiveUp(why): close the fold with the error
        case Retry(wait, endpoint, attempt): wait, and ask again
        case Restart(...): the same with a new fold, after an event that takes the text back
        case Continue(...): resume at the exact place; or prefill, its text through `joining.Joiner`; the same fold
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from ..errors import CallerError, ProviderError, SourceError, StreamfoldError
from ..reply.parts import TextPart

if TYPE_CHECKING:
    from ..reply import Reply

FIRST_WAIT = 0.5
"""Seconds: no first retry waits longer, unless the server asks for it."""

MAX_WAIT = 8.0
"""Seconds: no retry waits longer, unless the server asks for it."""

_STATUSES = {408, 409, 425, 429}  # RFC 9110 15.5.9 and 15.5.10, RFC 8470, RFC 6585; and every 5xx
_LOCAL = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


class Delivered(Enum):
    """What of an attempt has reached its reader."""

    NOTHING = 0
    TEXT = 1
    MORE = 2
    """Not text alone, or text of several choices: it can be neither taken back nor continued."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How much is done to get an answer.

    Attributes:
        attempts: How often each endpoint is asked, the first time included.
        budget: Seconds from the first request in which a new attempt may begin.
        after_text: What to do when text was delivered already: give up, start again after taking it back, or continue
            it, which the endpoint must be able to.
        endpoints: How many there are to ask, one after the other.

    Raises:
        CallerError: A value cannot be meant.
    """

    attempts: int = 3
    budget: float = 60.0
    after_text: Literal["fail", "restart", "continue"] = "fail"
    endpoints: int = 1

    def __post_init__(self) -> None:
        if not (self.attempts >= 1 and self.endpoints >= 1 and self.budget >= 0):
            raise CallerError(f"attempts and endpoints must be 1 or more, the budget 0 or more: {self}")
        if self.after_text not in ("fail", *_WAYS):
            raise CallerError(f"after_text is {self.after_text!r}, expected 'fail', 'restart' or 'continue'")


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed.

    Attributes:
        error: What went wrong; ``None`` if the stream just broke off. A deadline that passed is
            ``SourceError(TimeoutError(...))``, but where it was the total there is nothing to decide.
        delivered: What has reached the reader, in all attempts that were not taken back.
        elapsed: Seconds since the first request.
        retry_after: Seconds that the server asks to wait; see `asked_wait`.
        attempt: Which one it was on its endpoint, counted from 1.
        endpoint: Where it was made, counted from 0.
    """

    error: StreamfoldError | None
    delivered: Delivered = Delivered.NOTHING
    elapsed: float = 0.0
    retry_after: float | None = None
    attempt: int = 1
    endpoint: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt: wait so many seconds, then make attempt `attempt` on endpoint `endpoint`."""

    wait: float
    endpoint: int
    attempt: int


class Retry(Again):
    """Ask again; nothing was delivered, so nobody will notice."""

    __slots__ = ()


class Restart(Again):
    """Tell the reader that what was delivered does not count, and ask again."""

    __slots__ = ()


class Continue(Again):
    """Ask for what is missing."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Make no other attempt; `why` is one sentence."""

    why: str


Decision = Retry | Restart | Continue | GiveUp
_Way = type[Retry] | type[Restart] | type[Continue]
_WAYS: dict[str, _Way] = {"restart": Restart, "continue": Continue}


def decide(policy: RetryPolicy, failure: Failure, random: float) -> Decision:
    """Return what to do after `failure`.

    Args:
        policy: How much may be done.
        failure: What happened.
        random: A number drawn evenly from [0, 1).
    """
    way: _Way | None = Retry
    if failure.delivered is Delivered.MORE:
        return GiveUp("more than plain text was delivered, which can be neither taken back nor continued")
    if failure.delivered is Delivered.TEXT:
        way = _WAYS.get(policy.after_text)
    if way is None:
        return GiveUp("text was delivered, and another attempt would repeat it")
    wait = max(failure.retry_after or 0.0, backoff(failure.attempt, random))
    why = _obstacle(policy, failure, wait)
    if not why:
        return way(wait, failure.endpoint, failure.attempt + 1)
    # Another endpoint may well know the key, the model or the length that this one refuses; what this one began, it
    # cannot continue.
    has_next = failure.endpoint + 1 < policy.endpoints and way is not Continue and failure.elapsed <= policy.budget
    if has_next and not isinstance(failure.error, CallerError):
        return way(0.0, failure.endpoint + 1, 1)
    return GiveUp(why)


def delivered(reply: Reply) -> Delivered:
    """Return what `reply`, of a fold that is not closed yet, says has been handed on."""
    if not any(choice.parts for choice in reply.choices):
        return Delivered.NOTHING
    is_text = len(reply.choices) == 1 and all(isinstance(part, TextPart) for part in reply.choices[0].parts)
    return Delivered.TEXT if is_text else Delivered.MORE


def backoff(attempt: int, random: float) -> float:
    """Return how long to wait after `attempt`, counted from 1, in seconds; `random` is from [0, 1)."""
    return random * min(MAX_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 16))


def may_pass(error: StreamfoldError | None) -> bool:
    """Tell whether the same request may succeed later; a stream that broke off without an error may."""
    if isinstance(error, ProviderError):
        status = error.status or 0
        return error.retryable or status in _STATUSES or status >= 500
    return error is None or (isinstance(error, SourceError) and _is_network(error))


def _is_network(error: BaseException | None) -> bool:
    """Tell whether `error` comes from a connection: client libraries raise their own errors from the system's."""
    for _ in range(8):  # deeper than any library nests them; a chain may be a ring
        if isinstance(error, OSError):  # a certificate that does not hold is a ValueError, too
            return not isinstance(error, (*_LOCAL, ValueError))
        if error is None or isinstance(error, EOFError):
            break
        error = error.__cause__
    return isinstance(error, EOFError)


def _obstacle(policy: RetryPolicy, failure: Failure, wait: float) -> str:
    """Return why the same endpoint is not asked again; empty if it is."""
    if not may_pass(failure.error):
        return f"another attempt would fail as well: {failure.error}"
    if failure.attempt >= policy.attempts:
        return f"{failure.attempt} attempts failed, limit {policy.attempts}"
    if failure.elapsed + wait > policy.budget:
        return f"the next attempt would begin after {failure.elapsed + wait:.1f} s, limit {policy.budget:g} s"
    return ""
