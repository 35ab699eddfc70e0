"""A choice in the making: its parts as pieces, joined when somebody reads them."""

from __future__ import annotations

from typing import Any

from ..events import Details, PartBreak, PartStart
from ..reply import Choice, Verdict
from ..reply.parts import Part, RefusalPart, TextPart, Words
from ..stops import StopMatch, StopMatcher
from ..tags import TagSplitter
from .deltas import ChoiceEnd
from .joining import Joiner
from .surrogates import SurrogateJoiner, has_surrogates, replace_surrogates
from .tool_calls import OpenCall, ToolCallAssembler

Channel = type[Words] | OpenCall
_CUT = {Verdict.LENGTH, Verdict.FILTERED, Verdict.TRUNCATED, Verdict.CANCELLED, Verdict.ERRORED}


class Run:
    """A part of words in the making.

    Attributes:
        kind: What the part will be.
        pieces: Its words.
        details: What else is known of it: the other attributes of its kind.
        closed: Whether further words of the kind begin a part of their own.
    """

    __slots__ = ("closed", "details", "kind", "pieces")

    def __init__(self, kind: type[Words]) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        self.details: dict[str, Any] = {}
        self.closed = False

    def freeze(self) -> Words:
        """Return the part as it stands."""
        part = self.kind("".join(self.pieces))
        for name, value in self.details.items():
            setattr(part, name, list(value) if isinstance(value, list) else value)
        return part


class OpenChoice:
    """A choice in the making.

    Attributes:
        matcher: Looks for the stop sequences in its text, if there are any.
        tags: Looks for reasoning that is written into the text, as long as there may be some.
        fresh: The kinds of which a new part was announced that has neither words nor details yet.
        joiners: For each channel in which half a character has come: what joins it with the other half. For the text
            of a reply that goes on after an earlier attempt: what joins it with that.
        end: Why the model stopped, once it said so.
    """

    def __init__(self, index: int, matcher: StopMatcher | None, tags: TagSplitter | None) -> None:
        self.index = index
        self.matcher = matcher
        self.tags = tags
        self.parts: list[Run | OpenCall | Part] = []
        self.tools = ToolCallAssembler()
        self.fresh: set[type[Words]] = set()
        self._latest: dict[type[Words], Run] = {}
        self.joiners: dict[Channel, SurrogateJoiner | Joiner] = {}
        self.logprobs: list[object] = []
        self.end: ChoiceEnd | None = None

    @property
    def match(self) -> StopMatch | None:
        """The stop sequence that ended it."""
        return self.matcher.match if self.matcher else None

    @property
    def is_over(self) -> bool:
        """Whether no more of it is wanted."""
        return self.match is not None or self.end is not None

    @property
    def is_plain(self) -> bool:
        """Whether its text needs no look at but for stops: no tags, no half of a character held, no end, no match."""
        joiner = self.joiners.get(TextPart)
        waits = self.match or self.tags or self.end or (joiner and joiner.held)
        return not waits

    @property
    def n_replaced(self) -> int:
        """How many halves of characters stayed alone and became U+FFFD."""
        return sum(joiner.n_replaced for joiner in self.joiners.values())

    def meant(self, verdict: Verdict) -> Verdict:
        """Say more exactly how a natural end is meant: by a refusal, or by tool calls under "stop" (Gemini)."""
        if verdict is not Verdict.COMPLETE:
            return verdict
        if any(isinstance(part, Run) and part.kind is RefusalPart for part in self.parts):
            return Verdict.REFUSED
        return Verdict.TOOL_CALLS if any(not call.server for call in self.tools.calls) else verdict

    def said(self, marked_end: bool) -> Verdict | None:
        """Return how it ended by what the stream said, or by a stop sequence; ``None`` if it did not end.

        Args:
            marked_end: Whether the stream said that nothing follows.
        """
        if self.match:
            return Verdict.STOPPED
        if self.end:
            return self.meant(self.end.verdict)
        return self.meant(Verdict.COMPLETE) if marked_end else None

    def ends(self, call: OpenCall) -> bool:
        """Tell whether the end of the choice is that of `call` too, of which nothing else says that it is whole.

        No arguments may mean that there are none, but not where the model was cut off; nor does free text show, as JSON
        does, whether it is whole.
        """
        shows_end = bool(call.arguments) and not call.free_text
        return shows_end or not (self.end and self.end.verdict in _CUT)

    def run(self, kind: type[Words]) -> Run:
        """Return the part that words of `kind` go to now, opening one if another kind came between."""
        last = self.parts[-1] if self.parts else None
        if kind in self.fresh:
            self.fresh.remove(kind)
        elif isinstance(last, Run) and last.kind is kind and not last.closed:
            return last
        run = self._latest[kind] = Run(kind)
        self.parts.append(run)
        return run

    def latest(self, kind: type[Words]) -> Run:
        """Return the latest part of `kind`, whatever came after it; an empty new one if there is none."""
        if kind in self.fresh:
            return self.run(kind)
        return self._latest.get(kind) or self.run(kind)

    def describe(self, told: PartStart | PartBreak | Details) -> None:
        """Take what is said of the latest part of a kind, words aside: lists grow, anything else is replaced."""
        if isinstance(told, PartStart):
            self.fresh.add(told.kind)
            return
        latest = self.latest(told.kind)
        if isinstance(told, PartBreak):
            latest.closed = True
            return
        for name, value in told.values.items():
            if isinstance(value, list):
                latest.details.setdefault(name, []).extend(value)
            else:
                latest.details[name] = value

    def valid(self, channel: Channel, piece: str) -> str:
        """Return `piece` as valid Unicode, joined with the half that its channel may hold."""
        joiner = self.joiners.get(channel)
        if joiner is None:
            if not has_surrogates(piece):
                return piece
            joiner = self.joiners[channel] = SurrogateJoiner()
        return joiner.feed(piece)

    def add(self, part: Part) -> None:
        """Add a part that came whole. Its words become valid Unicode; a result's content stays as it came."""
        for name in ("name", "arguments", "media_type"):
            value = getattr(part, name, "")
            if has_surrogates(value):
                setattr(part, name, replace_surrogates(value))
        self.parts.append(part)

    def freeze(self) -> Choice:
        """Return the choice as it stands."""
        parts = [part.freeze() if isinstance(part, Run | OpenCall) else part for part in self.parts]
        return Choice(self.index, parts, self.end.reason if self.end else None, list(self.logprobs))
