"""Decide what each of many readers of one stream gets, and what happens to one that does not keep up.

`Fanout` is the pure half of `Broadcast`: it waits for nobody. ``publish(event)`` puts an event before every
reader, ``take(queue)`` gives one of them its next. What a reader does not take in time waits in a `Queue`, which is
bounded by its policy:

- ``"block"``: the publisher waits while the queue is full. Every delta comes as it came, and a slow reader slows all.
- ``"coalesce"``: deltas that wait together are handed on as one. Nothing is lost but the places where text was cut.
- ``"resync"``: what waits is dropped when the queue is full, and one `Snapshot` of all there is stands for it.

A snapshot is made when it is taken, not when it is due: until then nothing need wait for that reader, and what is
published after it follows on without a gap or a repeat. One that joins late is simply a reader that has missed
something. So is a coalescing one whose queue is full of what cannot be joined.

Invariant: whatever a reader takes, in whatever order it takes and others publish, its deltas added to its last snapshot
are the content of the reply. Cost: one append a reader and event. Memory: for each reader its queue, and once the
content itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal, get_args

from ..errors import CallerError
from ..events import (
    Event,
    PartEnd,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    Reset,
    Snapshot,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ..reply import Choice, Reply
from ..reply.parts import Part, PlanPart, ReasoningPart, RefusalPart, TextPart, ToolCall

Policy = Literal["block", "coalesce", "resync"]

SIZE = 64
"""How many events may wait for a reader by default: about a second of a fast model, and next to no memory."""

_PART_OF: dict[type, Any] = {
    TextDelta: TextPart,
    ReasoningDelta: ReasoningPart,
    RefusalDelta: RefusalPart,
    PlanDelta: PlanPart,
}


class Run:
    """Events that are handed on as one: a single event, or deltas that continue each other.

    Attributes:
        key: What a delta must be to continue it; ``None`` if none can.
        choice: The choice that it belongs to; ``None`` if it concerns them all.
        pieces: The words of its deltas.
    """

    __slots__ = ("_first", "choice", "key", "pieces")

    def __init__(self, event: Event) -> None:
        self._first = event
        self.key = _key(event)
        self.choice: int | None = getattr(event, "choice", None)
        self.pieces = [_words(event)] if self.key else []

    def event(self) -> Event:
        """Return the run as one event."""
        if len(self.pieces) > 1:
            words = "".join(self.pieces)
            name = "arguments" if isinstance(self._first, ToolCallDelta) else "text"
            self._first = replace(self._first, **{name: words})  # type: ignore[arg-type]
            self.pieces = [words]
        return self._first


class Runs(deque[Run]):
    """Events in their order, in which deltas that follow each other within a choice are one."""

    def add(self, event: Event) -> None:
        """Append `event`, or join it to the run that it continues."""
        key, choice = _key(event), getattr(event, "choice", None)
        for run in reversed(self):
            if run.choice == choice or run.choice is None:
                if key is None or run.key != key:
                    break
                run.pieces.append(_words(event))
                return
        self.append(Run(event))


class Queue:
    """What waits for one reader.

    Attributes:
        policy: What happens when it is full.
        size: How many events may wait.
        missed: Whether a snapshot is due, before anything that waits.
        ended: Whether nothing will come any more.
    """

    __slots__ = ("_runs", "ended", "missed", "policy", "size")

    def __init__(self, policy: Policy, size: int, missed: bool) -> None:
        self.policy = policy
        self.size = size
        self.missed = missed
        self.ended = False
        self._runs = Runs()

    @property
    def full(self) -> bool:
        """Whether `size` events wait."""
        return len(self._runs) >= self.size

    def put(self, event: Event) -> None:
        """Let `event` wait; the end of the stream always finds room, and nothing counts that waits before a reset."""
        if isinstance(event, Reset) and (self.missed or self.policy != "block"):
            self._runs.clear()
            self.missed = False
        if isinstance(event, StreamEnd | Reset):
            self._runs.append(Run(event))
        elif self.missed:
            return  # the snapshot will hold it
        elif self.policy == "coalesce":
            self._runs.add(event)
            if len(self._runs) > self.size:
                self.drop()
        elif self.policy == "resync" and self.full:
            self.drop()
        else:
            self._runs.append(Run(event))

    def drop(self) -> None:
        """Forget what waits; a snapshot is due for it."""
        self._runs.clear()
        self.missed = True

    def pop(self) -> Event | None:
        """Return the next event, if one waits."""
        if not self._runs:
            return None
        event = self._runs.popleft().event()
        self.ended = isinstance(event, StreamEnd)
        return event


class Fanout:
    """What was published of one stream, and who reads it.

    Attributes:
        end: The end of the stream, once it was published.
        deserted: Whether there were readers and all have left.
    """

    def __init__(self) -> None:
        self.end: StreamEnd | None = None
        self.deserted = False
        self._queues: list[Queue] = []
        self._so_far = Runs()

    def join(self, policy: Policy = "coalesce", size: int = SIZE) -> Queue:
        """Return the queue of a new reader. If it is late, a snapshot comes first.

        Raises:
            CallerError: There is no such policy, or `size` is not a positive number.
        """
        if policy not in get_args(Policy):
            raise CallerError(f"policy is {policy!r}, expected {', '.join(map(repr, get_args(Policy)))}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise CallerError(f"size is {size!r}, expected a number of events above 0")
        queue = Queue(policy, size, missed=bool(self._so_far))
        if self.end is None:
            self._queues.append(queue)
            self.deserted = False
        else:
            queue.missed = True
            queue.put(self.end)
        return queue

    def leave(self, queue: Queue) -> None:
        """Forget a reader."""
        queue.ended = True
        if queue in self._queues:
            self._queues = [other for other in self._queues if other is not queue]  # somebody may be amid the old list
            self.deserted = not self._queues and self.end is None

    @property
    def blocked(self) -> bool:
        """Whether a reader that may not miss anything has no room: nothing is to be published until it has."""
        return any(queue.policy == "block" and queue.full for queue in self._queues)

    @property
    def crowded(self) -> bool:
        """Whether a reader is about to miss something that it may have had no time to take."""
        return any(queue.full for queue in self._queues)

    def publish(self, event: Event) -> None:
        """Put `event` before every reader."""
        if isinstance(event, StreamEnd):
            self.end = event
        elif isinstance(event, Reset):
            self._so_far.clear()
        else:
            self._so_far.add(event)
        for queue in self._queues:
            queue.put(event)

    def break_off(self, reply: Reply) -> None:
        """End a stream that was left early, whose reply may hold what was never handed on."""
        if self.end is None:
            for queue in self._queues:
                queue.drop()
            self.publish(StreamEnd(reply))

    def take(self, queue: Queue) -> Event | Snapshot | None:
        """Return what is next for a reader; ``None`` if it has to wait, or if its stream has ended."""
        if queue.ended:
            return None
        if not queue.missed:
            return queue.pop()
        queue.missed = False
        return Snapshot(self.end.reply if self.end else _reply(run.event() for run in self._so_far))


def text_reader() -> Callable[[Event | Snapshot], str]:
    """Return a function that tells what each event adds to the text of choice 0."""
    n = 0

    def added(event: Event | Snapshot) -> str:
        nonlocal n
        text = ""
        if isinstance(event, Reset):
            n = 0  # the text begins anew
        elif isinstance(event, TextDelta) and event.choice == 0:
            text = event.text
        elif isinstance(event, Snapshot):
            text = "".join(choice.text for choice in event.reply.choices if choice.index == 0)[n:]
        n += len(text)
        return text

    return added


def _key(event: Event) -> tuple[Any, ...] | None:
    kind = type(event)
    if kind in _PART_OF:
        return kind, event.choice  # type: ignore[union-attr]
    return (kind, event.choice, event.index) if isinstance(event, ToolCallDelta) else None


def _words(event: Any) -> str:
    words: str = event.arguments if type(event) is ToolCallDelta else event.text
    return words


def _reply(events: Iterable[Event]) -> Reply:
    """Return the content of `events`, joined as in a stream's `Reply`."""
    choices: dict[int, dict[object, Part]] = {}
    for event in events:
        parts = choices.setdefault(getattr(event, "choice", 0), {})
        match event:
            case ToolCallStart():
                parts[event.index] = ToolCall(event.id, event.name, "")
            case ToolCallDelta():
                call = parts[event.index]
                assert isinstance(call, ToolCall)
                call.arguments += event.arguments
            case ToolCallEnd():
                parts[event.index] = event.call
            case PartEnd():
                parts[object()] = event.part
            case TextDelta() | ReasoningDelta() | RefusalDelta() | PlanDelta():
                parts[object()] = _PART_OF[type(event)](event.text)
    return Reply(choices=[Choice(index, list(choices[index].values())) for index in sorted(choices)] or [Choice()])
