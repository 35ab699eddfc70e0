"""What a stream's events show."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streamfold.events import (
    Event,
    PartEnd,
    PlanDelta,
    ReasoningDelta,
    RefusalDelta,
    Reset,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from streamfold.reply.parts import MediaPart, ServerToolCall, ToolCall
from streamfold.terminal.display import Display, Reasoning

from .shown import text_of


def shown(events: Sequence[Event], reasoning: Reasoning = "summary") -> str:
    display = Display(lambda: 60, reasoning)
    segments = [segment for second, event in enumerate(events) for segment in display.feed(event, second)]
    return text_of([*segments, *display.close(len(events))])


def call(index: int, *arguments: str, name: str = "f", complete: bool = True) -> list[Event]:
    whole = ToolCall("id", name, "".join(arguments), complete)
    start: list[Event] = [ToolCallStart(index, "id", name)]
    return [*start, *(ToolCallDelta(index, one) for one in arguments), ToolCallEnd(index, whole)]


THOUGHT: list[Event] = [ReasoningDelta("Let me "), ReasoningDelta("think."), TextDelta("Yes.")]


@pytest.mark.parametrize(
    ("reasoning", "text"),
    [("summary", "thought for 2.0 s\nYes.\n"), ("show", "Let me think.\n\nYes.\n"), ("hide", "Yes.\n")],
)
def test_reasoning(reasoning: Reasoning, text: str) -> None:
    assert shown(THOUGHT, reasoning) == text


def test_what_is_waited_for() -> None:
    display = Display(lambda: 60)
    assert display.waits_for == "waiting"
    display.feed(THOUGHT[0], 0)
    assert display.waits_for == "thinking"
    display.feed(THOUGHT[2], 0)
    assert display.waits_for == ""


def test_tool_calls_fill() -> None:
    events = [TextDelta("Look:"), *call(0, '{"a"', ": 1}"), *call(1, "{", name="g", complete=False)]
    assert shown(events) == 'Look:\n\n→ f({"a": 1})\n→ g({) incomplete\n'
    display = Display(lambda: 60)
    assert [text_of(display.feed(event, 0)) for event in call(0, '{"a"', ": 1}")] == ["→ f(", '{"a"', ": 1}", ")\n"]


def test_tool_calls_side_by_side_are_shown_one_after_the_other() -> None:
    first, second, third = call(0, "1", "2"), call(1, "3", "4", name="g"), call(2, "5", name="h")
    mixed = [event for three in zip(first, second, third, strict=False) for event in three] + [first[3], second[3]]
    assert shown(mixed) == "→ f(12)\n→ g(34)\n→ h(5)\n"


def test_many_tool_calls_side_by_side() -> None:
    calls = [call(index, "1") for index in range(2_000)]
    mixed = [calls[index][step] for step in range(3) for index in range(2_000)]
    assert shown(mixed) == "→ f(1)\n" * 2_000


def test_a_tool_call_that_never_ends_is_shown() -> None:
    assert shown(call(0, "1")[:2] + call(1, "2")[:2]) == "→ f(1\n→ f(2\n"


def test_other_kinds() -> None:
    events = [
        PlanDelta("First."),
        RefusalDelta("No."),
        PartEnd(ServerToolCall("i", "search", "{}", True)),
        PartEnd(MediaPart("image/png", b"123")),
        TextDelta("other", choice=1),
        Reset(2, "cut off"),
        TextDelta("End"),
    ]
    assert shown(events) == (
        "First.\n\nNo.\n\n→ search({})\n[image/png, 3 bytes]\n\nfrom the beginning again: cut off\n\nEnd\n"
    )


def test_names_and_arguments_cannot_reach_the_terminal_either() -> None:
    assert "\x1b" not in shown([*call(0, "\x1b[2J", name="\x1b]0;x\x07"), ReasoningDelta("\x1b[1m")], "show")
