"""The answer that a stream was folded into, and how the stream ended.

A `Reply` is a plain value: what was received, in the order in which the model made it, and a `Verdict`. While the
stream still runs its verdict is ``None``. Numbers that nobody sent are ``None``, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from .. import errors
from .parts import Part, PlanPart, ReasoningPart, RefusalPart, ServerToolCall, TextPart, ToolCall
from .usage import Usage

if TYPE_CHECKING:
    from ..network.responses import Response
    from ..stops import StopMatch
    from .timing import Timing


class Verdict(StrEnum):
    """How a stream ended."""

    COMPLETE = "complete"
    """The model said all it had to say."""
    STOPPED = "stopped"
    """A stop sequence of the caller's was found; `Reply.stop` says which and where."""
    LENGTH = "length"
    """The model ran into its length limit."""
    TOOL_CALLS = "tool_calls"
    """The model waits for the results of its tool calls."""
    FILTERED = "filtered"
    """The provider withheld the rest."""
    REFUSED = "refused"
    """The model declined to answer."""
    TRUNCATED = "truncated"
    """The stream broke off: neither a finish reason nor an end marker came."""
    CANCELLED = "cancelled"
    """The reader left, or the engine was interrupted, before the end."""
    TIMED_OUT = "timed_out"
    """A deadline passed."""
    ERRORED = "errored"
    """An error ended the stream; `Reply.error` is the error."""


_P = TypeVar("_P", TextPart, ReasoningPart, RefusalPart, PlanPart)


@dataclass(slots=True)
class Choice:
    """One of a reply's alternatives; nearly always there is just one.

    Attributes:
        index: The provider's number for it.
        parts: What it consists of, in the order in which the model made it.
        finish_reason: The provider's own word for why the model stopped, unchanged.
    """

    index: int = 0
    parts: list[Part] = field(default_factory=list)
    finish_reason: str | None = None
    logprobs: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The answer's text."""
        return self._joined(TextPart)

    @property
    def reasoning(self) -> str:
        """The model's reasoning; empty where it showed none."""
        return self._joined(ReasoningPart)

    @property
    def refusal(self) -> str:
        """The model's refusal, where the provider sends it apart from the text; else empty."""
        return self._joined(RefusalPart)

    @property
    def plan(self) -> str:
        """What the model says it will do with its tools, where the provider sends it apart (Cohere); else empty."""
        return self._joined(PlanPart)

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls, complete or not."""
        return [part for part in self.parts if isinstance(part, ToolCall)]

    @property
    def server_tool_calls(self) -> list[ServerToolCall]:
        """The calls of tools that the provider executes itself."""
        return [part for part in self.parts if isinstance(part, ServerToolCall)]

    def _joined(self, kind: type[_P]) -> str:
        return "".join([part.text for part in self.parts if isinstance(part, kind)])


@dataclass(slots=True)
class Reply:
    """What a stream was folded into: all that was received, and how the stream ended.

    The properties `text`, `reasoning`, `refusal`, `tool_calls`, `parts` and `finish_reason` are those of the first
    choice.

    Attributes:
        verdict: How the stream ended; ``None`` while it runs.
        choices: The alternatives, sorted by index; at least one.
        stop: The stop sequence that was found, and where.
        usage: What the provider counted.
        id: The provider's id for the reply.
        model: The model that the provider says answered.
        fingerprint: The provider's system fingerprint.
        dialect: The name of the wire format; ``None`` for text.
        error: What went wrong, where something did; `raise_for_verdict` raises it.
        callback_error: The first error of the caller's own callback, which never ends the stream.
        anomalies: What the stream did that it should not have done, a sentence each.
        leftover: Bytes at the end of a broken-off stream that no frame was made of.
        passed: Which deadline passed, as a sentence with the numbers, where the verdict is `Verdict.TIMED_OUT`.
        timing: When its content came.
        response: What the server said before the stream, where it was a `streamfold.Request`.
        failed_attempts: Why the attempts before the last one failed, a sentence each, where it was a request.
        raw: What the provider sent, frame by frame, where that was asked for: bytes of a wire, else decoded chunks.
    """

    verdict: Verdict | None = None
    choices: list[Choice] = field(default_factory=lambda: [Choice()])
    stop: StopMatch | None = None
    usage: Usage = field(default_factory=Usage)
    id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    dialect: str | None = None
    error: errors.StreamfoldError | None = None
    callback_error: errors.CallbackError | None = None
    anomalies: list[str] = field(default_factory=list)
    leftover: bytes = b""
    passed: str | None = None
    timing: Timing | None = field(default=None, compare=False)
    response: Response | None = field(default=None, compare=False)
    failed_attempts: list[str] = field(default_factory=list, compare=False)
    raw: list[Any] | None = None

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """The model's reasoning; empty where it showed none."""
        return self.choices[0].reasoning

    @property
    def refusal(self) -> str:
        """The model's refusal, where the provider sends it apart from the text; else empty."""
        return self.choices[0].refusal

    @property
    def plan(self) -> str:
        """What the model says it will do with its tools, where the provider sends it apart (Cohere); else empty."""
        return self.choices[0].plan

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls, complete or not."""
        return self.choices[0].tool_calls

    @property
    def server_tool_calls(self) -> list[ServerToolCall]:
        """The calls of tools that the provider executes itself."""
        return self.choices[0].server_tool_calls

    @property
    def parts(self) -> list[Part]:
        """Text, reasoning and tool calls in the order in which the model made them."""
        return self.choices[0].parts

    @property
    def finish_reason(self) -> str | None:
        """The provider's own word for why the model stopped."""
        return self.choices[0].finish_reason

    def raise_for_verdict(self) -> Reply:
        """Return this reply if it is a whole answer: complete, stopped or waiting for tools.

        Raises:
            StreamfoldError: The error that ended the stream, or a `VerdictError` that names what is missing;
                `CallbackError` if the answer is whole but the caller's callback raised.
        """
        if self.verdict in _SHORT:
            kind, what = _SHORT[self.verdict]
            what = self.passed or what
            raise kind(f"{what} after {len(self.text):,} characters of text", self) from self.error
        if self.error is not None:
            raise self.error
        if self.callback_error is not None:
            raise self.callback_error
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the reply as JSON-able values: what ``--json`` prints."""
        from .as_dict import reply_json

        return reply_json(self)

    def to_openai(self, choice: int = 0) -> dict[str, Any]:
        """Return a choice as an assistant message for the next request to an API that speaks OpenAI chat.

        What the provider would refuse is left out, above all tool calls that are not complete; `history` says what.
        Take the ids for the tools' results from the message: a call without one is given one.

        Args:
            choice: The choice's place in `choices`.
        """
        from .history import openai_message

        return openai_message(self, choice)

    def to_anthropic(self) -> dict[str, Any]:
        """Return the first choice as an assistant message for the next request to the Anthropic API.

        What the provider would refuse is left out, above all tool calls that are not complete; `history` says what.
        Take the ids for the tools' results from the message: a call without one is given one. Where nothing remains,
        ``content`` is empty: leave out the message.
        """
        from .history import anthropic_message

        return anthropic_message(self)


_SHORT: dict[Verdict | None, tuple[type[errors.VerdictError], str]] = {
    Verdict.LENGTH: (errors.LengthError, "the model ran into its length limit"),
    Verdict.FILTERED: (errors.FilteredError, "the provider withheld the rest"),
    Verdict.REFUSED: (errors.RefusedError, "the model declined to answer"),
    Verdict.TRUNCATED: (errors.TruncatedError, "the stream broke off"),
    Verdict.CANCELLED: (errors.CancelledError, "the stream was cancelled"),
    Verdict.TIMED_OUT: (errors.TimedOutError, "the deadline passed"),
}
