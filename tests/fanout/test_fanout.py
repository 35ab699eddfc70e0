"""Whatever the readers do, and in whatever order: what each is given adds up to the reply, and its queue is bounded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold import Fold, Reply, ToolCall
from streamfold.errors import CallerError
from streamfold.events import (
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
from streamfold.fanout import Fanout, Policy, Queue, text_reader
from streamfold.folding.deltas import END, Delta, ToolCallPiece, WholePart
from streamfold.reply.parts import MediaPart, ReasoningPart, TextPart

POLICIES: list[Policy] = ["block", "coalesce", "resync"]


def events_of(deltas: Iterable[Delta], **options: Any) -> list[Event]:
    """Return the events that a stream of `deltas` gives, its end included."""
    fold = Fold(tags=(), **options)
    shown = [piece for delta in deltas for piece in fold.feed([delta])] + fold.close()
    return [TextDelta(piece) if isinstance(piece, str) else piece for piece in shown]


@dataclass
class Reading:
    """What a reader makes of what it is given: a snapshot replaces, everything else adds."""

    given: list[Event | Snapshot] = field(default_factory=list)
    parts: dict[int, list[Any]] = field(default_factory=dict)

    def take(self, event: Event | Snapshot) -> None:
        self.given.append(event)
        match event:
            case Reset():
                self.parts = {}
            case Snapshot():
                self.parts = {choice.index: content(choice) for choice in event.reply.choices}
            case TextDelta() | ReasoningDelta() | RefusalDelta() | PlanDelta():
                kind = type(event).__name__.removesuffix("Delta")
                mine = self.parts.setdefault(event.choice, [])
                if mine and mine[-1][0] == kind:
                    mine[-1][1] += event.text
                else:
                    mine.append([kind, event.text])
            case ToolCallStart():
                self.parts.setdefault(event.choice, []).append(["ToolCall", ""])
            case ToolCallDelta():
                [p for p in self.parts[event.choice] if p[0] == "ToolCall"][event.index][1] += event.arguments
            case PartEnd():
                self.parts.setdefault(event.choice, []).append([type(event.part).__name__.removesuffix("Part"), ""])


def content(choice: Any) -> list[list[str]]:
    """Return the parts of a choice as a `Reading` keeps them."""
    return [
        [type(part).__name__.removesuffix("Part"), getattr(part, "arguments", getattr(part, "text", ""))]
        for part in choice.parts
    ]


def contents(reply: Reply) -> dict[int, list[list[str]]]:
    return {choice.index: content(choice) for choice in reply.choices if choice.parts}


words = st.sampled_from(["a", "bc", " d", "é"])
choices = st.sampled_from([0, 0, 0, 1])
deltas = st.one_of(
    words,
    words,
    st.builds(TextDelta, words, choices),
    st.builds(ReasoningDelta, words, choices),
    st.builds(ToolCallPiece, index=st.integers(0, 2), name=st.just("f"), arguments=words, choice=choices),
    st.builds(WholePart, st.just(MediaPart("image/png", b"")), choices),
)
acts = st.one_of(
    st.just("publish"),
    st.tuples(st.just("take"), st.integers(0, 5)),
    st.tuples(st.just("take"), st.integers(0, 5)),
    st.tuples(st.just("join"), st.sampled_from(POLICIES), st.integers(1, 4)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
)


@given(st.none() | st.lists(deltas, max_size=9), st.lists(deltas, max_size=25), st.lists(acts, max_size=80))
def test_deltas_and_snapshots_add_up_to_the_reply(
    failed: list[Delta] | None, stream: list[Delta], script: list[Any]
) -> None:
    before = [] if failed is None else [*events_of(failed)[:-1], Reset(2, "it broke off")]
    events = [*before, *events_of([*stream, END])]
    fanout = Fanout()
    readers: list[tuple[Queue, Reading]] = []
    waiting = list(events)

    def publish() -> None:
        if waiting and not fanout.blocked:
            fanout.publish(waiting.pop(0))

    def take(queue: Queue, reading: Reading) -> bool:
        event = fanout.take(queue)
        if event is not None:
            reading.take(event)
        return event is not None

    for act in script:
        match act:
            case "publish":
                publish()
            case ("join", policy, size):
                readers.append((fanout.join(policy, size), Reading()))
            case ("take", which) if which < len(readers):
                take(*readers[which])
            case ("leave", which) if which < len(readers):
                fanout.leave(readers.pop(which)[0])
        assert all(len(queue._runs) <= queue.size + 1 for queue, _ in readers)
    while waiting:
        publish()
        for reader in readers:
            take(*reader)
    readers.append((fanout.join(), Reading()))  # the latest of all
    for reader in readers:
        while take(*reader):
            pass

    end = events[-1]
    assert isinstance(end, StreamEnd)
    for queue, reading in readers:
        assert queue.ended
        assert reading.given[-1] is end
        assert {index: parts for index, parts in reading.parts.items() if parts} == contents(end.reply)
        pieces = list(map(text_reader(), reading.given))
        since = max((n for n, event in enumerate(reading.given) if isinstance(event, Reset)), default=0)
        assert "".join(pieces[since:]) == "".join(c.text for c in end.reply.choices if c.index == 0)


@given(st.lists(deltas, min_size=1, max_size=25), st.lists(st.booleans(), max_size=60), st.integers(1, 3))
def test_who_blocks_is_given_every_event_as_it_came(stream: list[Delta], script: list[bool], size: int) -> None:
    events = events_of([*stream, END])
    fanout = Fanout()
    queue = fanout.join("block", size)
    given: list[Any] = []
    waiting = list(events)
    for publishes in [*script, *([False, True] * len(events)), *([False] * len(events))]:
        if publishes and waiting and not fanout.blocked:
            fanout.publish(waiting.pop(0))
        elif not publishes:
            given.append(fanout.take(queue))
    assert [event for event in given if event is not None] == events


def test_what_waits_together_is_handed_on_as_one() -> None:
    fanout = Fanout()
    queue = fanout.join("coalesce")
    calls = [ToolCallPiece(index=0, id="c", name="f", arguments="["), ToolCallPiece(index=0, arguments="1]")]
    for event in events_of(
        ["Hel", "lo", ReasoningDelta("h"), ReasoningDelta("m"), *calls, "x", TextDelta("y", 1), END]
    ):
        fanout.publish(event)
    taken = [fanout.take(queue) for _ in range(7)]
    assert taken == [
        TextDelta("Hello"),
        ReasoningDelta("hm"),
        ToolCallStart(0, "c", "f"),
        ToolCallDelta(0, "[1]"),
        TextDelta("x"),
        TextDelta("y", 1),
        ToolCallEnd(0, ToolCall("c", "f", "[1]", complete=True)),
    ]


def test_calls_that_take_turns_are_not_mixed_up() -> None:
    fanout = Fanout()
    queue = fanout.join("coalesce")
    for n in range(4):
        fanout.publish(ToolCallDelta(n // 2, str(n)))
    assert [fanout.take(queue) for _ in range(3)] == [ToolCallDelta(0, "01"), ToolCallDelta(1, "23"), None]


def test_choices_that_take_turns_are_joined_each_for_itself() -> None:
    fanout = Fanout()
    queue = fanout.join("coalesce", 2)
    for n in range(100):
        fanout.publish(TextDelta(f"{n} ", n % 2))
    assert fanout.take(queue) == TextDelta("".join(f"{n} " for n in range(0, 100, 2)))
    assert fanout.take(queue) == TextDelta("".join(f"{n} " for n in range(1, 100, 2)), 1)


def test_one_that_falls_behind_is_given_one_snapshot_and_then_goes_on() -> None:
    fanout = Fanout()
    queue = fanout.join("resync", 2)
    for word in "abcd":
        fanout.publish(TextDelta(word))
    snapshot = fanout.take(queue)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.reply.parts == [TextPart("abcd")]
    assert snapshot.reply.verdict is None
    assert fanout.take(queue) is None
    fanout.publish(TextDelta("e"))
    assert fanout.take(queue) == TextDelta("e")


def test_a_coalescing_queue_full_of_what_cannot_be_joined_is_dropped_for_a_snapshot() -> None:
    fanout = Fanout()
    queue = fanout.join("coalesce", 2)
    for event in (TextDelta("a"), ReasoningDelta("b"), TextDelta("c")):
        fanout.publish(event)
    snapshot = fanout.take(queue)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.reply.parts == [TextPart("a"), ReasoningPart("b"), TextPart("c")]
    assert fanout.take(queue) is None


def test_one_that_joins_late_starts_from_a_snapshot() -> None:
    fanout = Fanout()
    fanout.publish(TextDelta("Hel"))
    queue = fanout.join("block", 1)
    assert not fanout.blocked
    fanout.publish(TextDelta("lo"))  # before it has taken anything: no gap, no repeat
    snapshot = fanout.take(queue)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.reply.text == "Hello"
    fanout.publish(TextDelta("!"))
    assert fanout.blocked
    assert fanout.take(queue) == TextDelta("!")


def test_one_that_joins_after_the_end_is_given_the_reply() -> None:
    fanout = Fanout()
    events = events_of(["Hello", END])
    for event in events:
        fanout.publish(event)
    queue = fanout.join()
    end = events[-1]
    assert isinstance(end, StreamEnd)
    assert [fanout.take(queue), fanout.take(queue), fanout.take(queue)] == [Snapshot(end.reply), end, None]


def test_a_stream_that_was_left_early_ends_with_what_was_held_back() -> None:
    fold = Fold(stop="END")
    fanout = Fanout()
    queue = fanout.join("block")
    for piece in fold.feed(["a E"]):
        assert isinstance(piece, str)
        fanout.publish(TextDelta(piece))
    fold.close()
    fanout.break_off(fold.reply)
    snapshot, end = fanout.take(queue), fanout.take(queue)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.reply.text == "a E"
    assert end == StreamEnd(fold.reply)


@pytest.mark.parametrize("policy", ["coalesce", "resync"])
def test_nothing_counts_that_waits_before_a_reset(policy: Policy) -> None:
    fanout = Fanout()
    queue = fanout.join(policy, 2)
    reset = Reset(2, "it broke off")
    for event in (TextDelta("a"), ReasoningDelta("b"), TextDelta("c")):
        fanout.publish(event)
    fanout.take(queue)  # a snapshot
    for event in (TextDelta("c"), reset, TextDelta("d")):
        fanout.publish(event)
    assert [fanout.take(queue) for _ in range(3)] == [reset, TextDelta("d"), None]


def test_who_blocks_sees_what_a_reset_takes_back() -> None:
    fanout = Fanout()
    queue = fanout.join("block")
    events = [TextDelta("a"), Reset(2, "it broke off"), TextDelta("b")]
    for event in events:
        fanout.publish(event)
    assert [fanout.take(queue) for _ in range(3)] == events


def test_who_has_left_is_forgotten() -> None:
    fanout = Fanout()
    assert not fanout.deserted
    queues = [fanout.join("block", 1) for _ in range(2)]
    fanout.publish(TextDelta("a"))
    assert fanout.blocked
    fanout.leave(queues[0])
    assert fanout.blocked
    fanout.leave(queues[1])
    assert not fanout.blocked
    assert fanout.deserted
    assert fanout.take(queues[0]) is None
    fanout.leave(queues[0])  # twice is once
    fanout.join()
    assert not fanout.deserted


@pytest.mark.parametrize(
    ("policy", "size", "message"), [("drop", 1, "'block'"), ("block", 0, "0"), ("block", True, "True")]
)
def test_what_cannot_be_meant(policy: Any, size: Any, message: str) -> None:
    with pytest.raises(CallerError, match=message):
        Fanout().join(policy, size)


def test_a_slow_reader_costs_linear_time_and_one_item() -> None:
    fanout = Fanout()
    queue = fanout.join("coalesce", 1)
    for n in range(10_000):
        fanout.publish(TextDelta("ab"))
        assert len(queue._runs) == 1, n
    assert fanout.take(queue) == TextDelta("ab" * 10_000)
