"""Say what a stream's events show: text as Markdown, reasoning dimmed or summed up, tool calls as they fill.

Pure: events and the time go in, segments come out. One thing is shown at a time: of tool calls that fill side by
side, the later ones wait for the first to end. Of several choices the first is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from rich.segment import Segment

from ..events import (
    Details,
    Event,
    PartBreak,
    PartEnd,
    PartStart,
    ReasoningDelta,
    RefusalDelta,
    Reset,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..reply.parts import MediaPart, Part, ServerToolCall, ServerToolResult
from .markdown import Markdown
from .prose import Prose
from .theme import DIM, FAILED, PLAIN, TOOL

Reasoning = Literal["summary", "show", "hide"]
"""Whether the model's reasoning is summed up in a line, shown as it comes, or left out."""

REASONING: tuple[Reasoning, ...] = get_args(Reasoning)

_ToolEvent = ToolCallStart | ToolCallDelta | ToolCallEnd


class Display:
    """Turn events into segments, from `feed` to `close`.

    Args:
        width: Gives the terminal's width in cells; it is asked anew for every line.
        reasoning: What to do with the model's reasoning.

    Attributes:
        waits_for: What is going on while nothing is shown; empty while something is.
    """

    def __init__(self, width: Callable[[], int], reasoning: Reasoning = "summary") -> None:
        self.waits_for = "waiting"
        self._reasoning = reasoning
        self._width = width
        self._markdown = Markdown(width)
        self._prose = Prose(width)
        self._section: type | None = None  # the kind of event that is shown
        self._since = 0.0
        self._call: int | None = None  # the tool call that is open
        self._later: dict[int, list[_ToolEvent]] = {}

    def feed(self, event: Event, now: float) -> list[Segment]:
        """Take the next event in, which came at `now`, in seconds; return what it shows."""
        if isinstance(event, StreamEnd):
            return []
        if isinstance(event, Reset):
            return [*self._enter(Reset, now), *self._prose.line(f"from the beginning again: {event.why}", FAILED)]
        if event.choice != 0 or isinstance(event, PartStart | PartBreak | Details):
            return []
        if isinstance(event, TextDelta):
            return [*self._enter(TextDelta, now), *self._markdown.feed(event.text)]
        if isinstance(event, ToolCallStart | ToolCallDelta | ToolCallEnd):
            return self._tool(event, now)
        if isinstance(event, PartEnd):
            return [*self._enter(PartEnd, now), *self._prose.line(_named(event.part), TOOL)]
        shown = self._enter(type(event), now)
        if isinstance(event, ReasoningDelta) and self._reasoning != "show":
            self.waits_for = "thinking"
            return shown
        return shown + self._prose.feed(event.text, FAILED if isinstance(event, RefusalDelta) else DIM)

    def close(self, now: float) -> list[Segment]:
        """End the reply; return what was held. What was shown then ends with a newline."""
        return self._enter(None, now)

    def _enter(self, section: type | None, now: float) -> list[Segment]:
        """Turn to another kind of event: end what is open of the last one."""
        self.waits_for = ""
        left, self._section = self._section, section
        if left is section:
            return []
        since, self._since = self._since, now
        if left is None:
            return []
        if left is TextDelta:
            shown, self._markdown = self._markdown.close(), Markdown(self._width)
            return [*shown, *_blank(section)]
        if left is ReasoningDelta and self._reasoning != "show":
            summary = self._reasoning == "summary"
            return self._prose.line(f"thought for {now - since:.1f} s", DIM) if summary else []
        return [*self._end_calls(), *self._prose.close(), *_blank(section)]

    def _tool(self, event: _ToolEvent, now: float) -> list[Segment]:
        shown = self._enter(ToolCallStart, now)
        if self._call is not None and event.index != self._call:
            self._later.setdefault(event.index, []).append(event)
            return shown
        shown += self._shown_of_call(event)
        while self._call is None and self._later:
            shown += self._next_call()
        return shown

    def _shown_of_call(self, event: _ToolEvent) -> list[Segment]:
        if isinstance(event, ToolCallStart):
            self._call = event.index
            return self._prose.feed(f"→ {event.name}(", TOOL)
        if isinstance(event, ToolCallDelta):
            return self._prose.feed(event.arguments, PLAIN)
        self._call = None
        lacking = [] if event.call.complete else self._prose.feed(" incomplete", FAILED)
        return [*self._prose.feed(")", TOOL), *lacking, *self._prose.close()]

    def _next_call(self) -> list[Segment]:
        """Show what has come of the first of the calls that waited."""
        waited = self._later.pop(next(iter(self._later)))
        return [one for event in waited for one in self._shown_of_call(event)]

    def _end_calls(self) -> list[Segment]:
        """Show what waited for a tool call that never ended."""
        shown: list[Segment] = []
        while self._later:
            shown += [*self._prose.close(), *self._next_call()]
        self._call = None
        return shown


def _blank(section: type | None) -> list[Segment]:
    return [] if section is None else [Segment("\n")]


def _named(part: Part) -> str:
    """Name a part that came whole."""
    match part:
        case MediaPart():
            return f"[{part.media_type or 'media'}, {len(part.data):,} bytes]"
        case ServerToolCall():
            return f"→ {part.name}({part.arguments})"
        case ServerToolResult():
            return f"← {part.name}"
    return f"[{type(part).__name__}]"
