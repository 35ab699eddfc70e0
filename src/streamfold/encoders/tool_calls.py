"""Follow the tool calls of one stream, for the formats that say a call piece by piece.

A call is opened when its name is known: where the start has none, its pieces wait until the end of the call, which says
all. What the end knows beyond what was said (arguments that were absent and are ``{}``) is said then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..events import ToolCallDelta, ToolCallEnd, ToolCallStart


@dataclass(slots=True)
class SaidCall:
    """A call, as far as it was said.

    Attributes:
        place: Its place among the calls of its choice, counted from 0 without gaps.
        id: Its own, or one made of its place.
        open: Whether its start was said.
        waiting: Arguments that wait for the start.
        n_said: How many characters of the arguments were said.
    """

    place: int
    id: str
    name: str
    open: bool = False
    waiting: list[str] = field(default_factory=list)
    n_said: int = 0


@dataclass(slots=True)
class Step:
    """What is to be said now of a call, in this order.

    Attributes:
        starts: Whether its start is.
        arguments: A piece of its arguments; may be empty.
        end: Its end, if it has ended.
    """

    call: SaidCall
    starts: bool
    arguments: str
    end: ToolCallEnd | None = None


class SaidCalls:
    """The calls in one stream."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], SaidCall] = {}
        self._n_calls: dict[int, int] = {}

    def feed(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> Step:
        """Return what is to be said for `event`."""
        call = self._call(event)
        arguments, end = "", None
        if isinstance(event, ToolCallDelta):
            call.waiting.append(event.arguments)
        elif isinstance(event, ToolCallEnd):
            end = event
            call.id = call.id if call.open else event.call.id or call.id
            call.name = call.name or event.call.name
            rest = event.call.arguments[call.n_said :]
            call.waiting = [rest] if rest else []
        starts = not call.open and (bool(call.name) or end is not None)
        call.open = call.open or starts
        if call.open:
            arguments = "".join(call.waiting)
            call.waiting = []
            call.n_said += len(arguments)
        return Step(call, starts, arguments, end)

    def _call(self, event: ToolCallStart | ToolCallDelta | ToolCallEnd) -> SaidCall:
        key = event.choice, event.index
        call = self._calls.get(key)
        if call is None:
            place = self._n_calls.get(event.choice, 0)
            self._n_calls[event.choice] = place + 1
            id, name = (event.id, event.name) if isinstance(event, ToolCallStart) else (None, "")
            call = self._calls[key] = SaidCall(place, id or f"call_{place}", name)
        return call
