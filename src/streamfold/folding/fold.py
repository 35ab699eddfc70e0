"""Fold deltas into events and a reply: the one place where text is accumulated, stops are found and verdicts given.

`Fold` is a pure state machine with two verbs. ``feed(deltas)`` returns what can be handed on, text of choice 0 as plain
``str``; ``close()`` returns the rest and a last `StreamEnd`. All decisions about a stream are made here and in the
dialects, none in the drivers.

Invariants: the text handed out adds up to the text of the reply at every moment; no character that can still belong to
a stop sequence is handed out; after `ended` nothing is. Cost: a text delta without stops is two list appends. Memory:
the reply, plus one held-back stop prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import LimitError, ProviderError, SourceError, StreamfoldError
from ..events import (
    DELTA_OF,
    PART_OF,
    Details,
    Event,
    PartBreak,
    PartEnd,
    PartStart,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..reply import Reply, Verdict
from ..reply.parts import Part, ReasoningPart, TextPart, ToolCall, Words
from ..reply.usage import Tally, UnreadUsage, Usage
from ..tags import THINK, Tag
from .choices import OpenChoices
from .deltas import (
    END,
    Anomaly,
    ChoiceEnd,
    Delta,
    Identity,
    Logprobs,
    ToolCallPiece,
    WholePart,
)
from .joining import Joiner
from .notes import Notes
from .open_choice import Channel, OpenChoice
from .tool_calls import OpenCall

Shown = list[str | Event]


class Fold:
    """Fold deltas into events and a reply.

    Args:
        stop: The stop sequence, or several.
        include_stop: Whether the text ends with the stop sequence that was found instead of before it.
        tags: The tags in which a model may write its reasoning at the start of its text; none with ``()``.
        raw: Whether to keep what the provider sent.

    Attributes:
        ended: Whether nothing more is wanted: a stop was found, the end was marked, or an error came.
        append: The short way for text of choice 0, while there is nothing to look for in it but stops. What it returns
            ``None`` for is appended and can be handed on as it is; anything else goes to `feed`.
        raw: What the provider sent, appended by whoever decodes it; ``None`` where that is not wanted.
        dialect: The name of the wire format, told by whoever decodes it.
        unread_usage: Asks whoever decodes the stream for what was counted and not handed over yet.
        notes: What the stream did that it should not have done.
        heard: The kind of the latest content, shown or held back; ``None`` where only text came the short way since
            somebody set it so.
        passed: Which deadline passed, as a sentence, told by whoever keeps the clocks.

    Raises:
        CallerError: A stop is empty or not a str.
    """

    def __init__(
        self,
        stop: str | Sequence[str] | None = None,
        *,
        include_stop: bool = False,
        tags: Sequence[Tag] = THINK,
        raw: bool = False,
    ) -> None:
        self.ended = False
        self.raw: list[Any] | None = [] if raw else None
        self._choices = OpenChoices(stop, include_stop, tags)
        self._verdict: Verdict | None = None
        self._error: StreamfoldError | None = None
        self._tally = Tally()
        self.unread_usage: Callable[[], Sequence[UnreadUsage]] = tuple
        self._identity = Identity()
        self.dialect: str | None = None
        self.notes = Notes()
        self.heard: type[Part] | None = None
        self.passed: str | None = None
        self._marked_end = False
        self._leftover = b""
        self.append: Callable[[str], object] | None = None

    # -- the two verbs -------------------------------------------------------------------------------------------

    def feed(self, deltas: Iterable[Delta]) -> Shown:
        """Take `deltas` in; return what can be handed on."""
        shown: Shown = []
        for delta in deltas:
            if type(delta) is str and self.append is not None and self.append(delta) is None:
                shown.append(delta)
            elif not self.ended:
                try:
                    self._take(delta, shown)
                except LimitError as error:
                    self._error = error
                    self._end()
            else:
                self._discard(delta)
        return shown

    def close(
        self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None, leftover: bytes = b""
    ) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`. A second call returns nothing.

        Args:
            verdict: How the stream ended, as far as its reader knows; what the stream itself said weighs more.
            error: What broke it off.
            leftover: Bytes that no frame was made of.
        """
        if self._verdict is not None:
            return []
        shown: Shown = []
        for choice in self._choices.values():
            self._finish(choice, shown)
        self._end()
        self._error = self._error or error
        self._leftover = leftover
        self._verdict = self._judge(verdict)
        if isinstance(self._error, ProviderError):
            self._error.content_delivered = any(choice.parts for choice in self._choices.values())
        shown.append(StreamEnd(self.reply))
        return shown

    def resume(self, text: str) -> Shown:
        """Go on after `text`, which an earlier attempt brought; return what it lets out. What repeats it is dropped."""
        shown = self.feed([text])
        self._leave_text()
        self._choices.first.joiners[TextPart] = Joiner(text)
        return shown

    @property
    def reply(self) -> Reply:
        """What was received so far. Costs a join of the text; while the stream runs its verdict is ``None``."""
        for unread in self.unread_usage():
            self._tally.add(unread)
        usage = self._tally.usage
        has_ended = self._marked_end or any(choice.end for choice in self._choices.values())
        return Reply(
            verdict=self._verdict,
            choices=self._choices.freeze(),
            stop=self._choices.match,
            usage=usage if has_ended else usage.so_far(),
            id=self._identity.id,
            model=self._identity.model,
            fingerprint=self._identity.fingerprint,
            dialect=self.dialect,
            error=self._error,
            callback_error=self.notes.callback_error,
            anomalies=self.notes.sentences(self._choices.n_replaced),
            raw=None if self.raw is None else list(self.raw),
            leftover=self._leftover,
            passed=self.passed,
        )

    # -- deltas --------------------------------------------------------------------------------------------------

    def _take(self, delta: Delta, shown: Shown) -> None:
        match delta:
            case str():
                self._say(TextPart, delta, 0, shown)
            case TextDelta() | ReasoningDelta() | RefusalDelta() | PlanDelta():
                self._say(PART_OF[type(delta)], delta.text, delta.choice, shown)
            case Usage() | UnreadUsage():  # Gemini sends one with each piece of text
                self._tally.add(delta)
            case ToolCallPiece():
                self._call(delta, shown)
            case PartStart() | PartBreak() | Details():
                self._choices[delta.choice].describe(delta)
                self._leave_text()  # it may have begun a part
                shown.append(delta)
            case WholePart():
                self._add(delta, shown)
            case ChoiceEnd():
                self._stop_choice(self._choices[delta.choice], delta)
            case Identity():
                self._identity = self._identity.completed(delta)
            case Logprobs():
                self._choices[delta.choice].logprobs.extend(delta.entries)
            case Anomaly():
                self.notes.add(delta.sentence, delta.n)
            case StreamfoldError():
                self._error = delta
                self._end()
            case _ if delta is END:
                self._marked_end = True
                self._end()

    def _stop_choice(self, choice: OpenChoice, end: ChoiceEnd) -> None:
        is_new, choice.end = choice.end is None, end
        self._leave_text()
        if is_new and self._choices.have_stops:
            self.ended = self._choices.are_stopped

    def _end(self) -> None:
        self.ended = True
        self._leave_text()

    def _say(self, kind: type[Words], text: str, index: int, shown: Shown) -> None:
        choice = self._choices[index]
        text = choice.valid(kind, text)
        if index == 0:
            self._leave_text()
        if not text:
            return
        self.heard = kind
        if choice.end:
            self.notes.add("content after the finish reason")
        if kind is TextPart and choice.tags is not None:
            self._split(choice, choice.tags.feed(text), shown)
        else:
            self._show(choice, kind, self._sifted(choice, kind, text, shown), shown)

    def _split(self, choice: OpenChoice, pieces: list[tuple[bool, str]], shown: Shown) -> None:
        """Show text from which the reasoning was split; once none can follow, look no further."""
        if choice.tags is not None and choice.tags.done:
            choice.tags = None
        for is_reasoning, piece in pieces:
            if not is_reasoning:
                self._show(choice, TextPart, self._sifted(choice, TextPart, piece, shown), shown)
            elif not choice.match:  # nothing is released for it: what the tags hold may be its closing tag
                self.heard = ReasoningPart
                self._show(choice, ReasoningPart, piece, shown)

    def _sifted(self, choice: OpenChoice, kind: type[Words], text: str, shown: Shown) -> str:
        """Return what of `text` no stop sequence takes or holds back."""
        if choice.matcher is None:
            return text
        if kind is TextPart:
            was_stopped = choice.matcher.state.stopped
            text = choice.matcher.feed(text)
            if choice.matcher.state.stopped and not was_stopped:
                self.ended = self._choices.are_stopped
            return text
        if choice.match:
            return ""
        self._release(choice, shown)
        return text

    def _show(self, choice: OpenChoice, kind: type[Words], text: str, shown: Shown) -> None:
        if not text:
            return
        pieces = choice.run(kind).pieces
        pieces.append(text)
        if kind is TextPart and choice.index == 0:
            shown.append(text)
            if choice.is_plain:
                self.append = choice.matcher.passing(pieces.append) if choice.matcher else pieces.append
        else:
            shown.append(DELTA_OF[kind](text, choice.index))

    def _leave_text(self) -> None:
        """Go the long way from here: what follows is no plain text of choice 0, or may not be."""
        self.append = None

    def _call(self, piece: ToolCallPiece, shown: Shown) -> None:
        choice = self._choices[piece.choice]
        if choice.match:
            return
        self._release(choice, shown)
        if choice.index == 0:
            self._leave_text()
        if choice.end:
            self.notes.add("content after the finish reason")
        self.heard = ToolCall
        call, new = choice.tools.feed(piece)
        if new:
            choice.parts.append(call)
            if not call.server:
                shown.append(ToolCallStart(call.place, call.id, call.name, choice.index))
        self._argue(choice, call, choice.valid(call, piece.arguments or ""), shown)
        if piece.ended:
            self._hang_up(choice, call, shown)

    def _argue(self, choice: OpenChoice, call: OpenCall, arguments: str, shown: Shown) -> None:
        if arguments:
            call.arguments.append(arguments)
            if not call.server:
                shown.append(ToolCallDelta(call.place, arguments, choice.index))

    def _hang_up(self, choice: OpenChoice, call: OpenCall, shown: Shown, ended: bool = True) -> None:
        """Hand on a call that nothing will be added to; `ended` tells whether it is whole."""
        call.ended = ended
        part = call.freeze()
        if isinstance(part, ToolCall):
            shown.append(ToolCallEnd(call.place, part, choice.index))
        else:
            shown.append(PartEnd(part, choice.index))

    def _add(self, whole: WholePart, shown: Shown) -> None:
        choice = self._choices[whole.choice]
        if choice.match:
            return
        self._release(choice, shown)
        if choice.index == 0:
            self._leave_text()
        self.heard = type(whole.part)
        choice.add(whole.part)
        shown.append(PartEnd(whole.part, choice.index))

    def _discard(self, delta: Delta) -> None:
        """Count text that comes after the end, if a stop sequence was the end."""
        late = TextDelta(delta) if isinstance(delta, str) else delta
        choice = self._choices.get(late.choice) if isinstance(late, TextDelta) else None
        if isinstance(late, TextDelta) and choice and choice.matcher and choice.match:
            choice.matcher.feed(choice.valid(TextPart, late.text))

    def _release(self, choice: OpenChoice, shown: Shown) -> None:
        """Show the held-back text of `choice`: neither a stop sequence nor a tag reaches over another kind of part."""
        if choice.tags is not None:
            self._split(choice, choice.tags.close(), shown)
        if choice.matcher and choice.matcher.held:
            self._show(choice, TextPart, choice.matcher.close(), shown)

    def _finish(self, choice: OpenChoice, shown: Shown) -> None:
        said_end = choice.end is not None or self._marked_end
        for channel, joiner in choice.joiners.items():
            if joiner.held and not choice.match and (said_end or not isinstance(joiner, Joiner)):
                self._tail(choice, channel, joiner.close(), shown)
        self._release(choice, shown)
        for call in choice.tools.calls:
            if not call.ended:
                self._hang_up(choice, call, shown, said_end and choice.ends(call))

    def _tail(self, choice: OpenChoice, channel: Channel, text: str, shown: Shown) -> None:
        if isinstance(channel, OpenCall):
            self._argue(choice, channel, text, shown)
        else:
            self._show(choice, channel, self._sifted(choice, channel, text, shown), shown)

    def _judge(self, reader: Verdict) -> Verdict:
        first = self._choices.lowest
        said = first.said(self._marked_end) if first else Verdict.COMPLETE if self._marked_end else None
        if said and isinstance(self._error, SourceError):
            self.notes.add(f"{self._error}, after the end of the reply")
            self._error = None
        if said is Verdict.ERRORED and first and first.end and not self._error:
            self._error = ProviderError(f"the provider ended the reply with {first.end.reason!r}")
        broke_off = reader is Verdict.TRUNCATED and isinstance(self._error, SourceError)
        return Verdict.ERRORED if self._error and not broke_off else said or reader
