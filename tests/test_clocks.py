"""The clocks: what has to happen until when, and what stops a clock."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.clocks import Clock, Timeouts
from streamfold.errors import CallerError

START = 100.0
ALL = Timeouts(first=10, gap=3, total=60, reasoning_gap=20)

# What came when (seconds from the start, whether it was reasoning), and what passes when.
DEADLINES = {
    "no limits": (Timeouts(), [(1, False)], None),
    "first content": (ALL, [], (10, "first content")),
    "gap": (ALL, [(9, False)], (12, "gap")),
    "a later piece": (ALL, [(9, False), (11, False)], (14, "gap")),
    "while reasoning": (ALL, [(1, True)], (21, "gap")),
    "after reasoning": (ALL, [(1, True), (2, False)], (5, "gap")),
    "reasoning without a number of its own": (Timeouts(gap=3), [(1, True)], (4, "gap")),
    "reasoning without a limit": (Timeouts(gap=3, reasoning_gap=math.inf), [(1, True)], None),
    "only reasoning has a limit": (Timeouts(reasoning_gap=3), [(1, False)], None),
    "total": (ALL, [(58, False)], (60, "total")),
    "total before any content": (Timeouts(first=10, total=5), [], (5, "total")),
    "a tie is the total": (Timeouts(first=5, total=5), [], (5, "total")),
    "only the gap has a limit": (Timeouts(gap=3), [], None),
    "only the first content has a limit": (Timeouts(first=3), [(1, False)], None),
}


def clock_after(timeouts, marks):
    clock = Clock(timeouts, START)
    for at, reasoning in marks:
        clock.content(START + at, reasoning=reasoning)
    return clock


@pytest.mark.parametrize(("timeouts", "marks", "expected"), DEADLINES.values(), ids=DEADLINES)
def test_deadline(timeouts, marks, expected):
    deadline = clock_after(timeouts, marks).deadline()
    assert expected == (deadline and (deadline.at - START, deadline.which))


def test_deadline_passes_at_its_moment():
    clock = Clock(Timeouts(first=10), START)
    assert clock.expired(START + 9.999) is None
    assert clock.expired(START + 10).which == "first content"


def test_keep_alives_do_not_stop_the_clock():
    """They are no content: the driver has nothing to tell the clock, and asks it after each read."""
    clock = clock_after(Timeouts(gap=0.5), [(0, False)])
    expired = [clock.expired(START + tenth / 10) for tenth in range(34)]
    assert [deadline is not None for deadline in expired] == [tenth >= 5 for tenth in range(34)]


def test_restart_leaves_the_total_running():
    clock = clock_after(ALL, [(1, True)])
    clock.restart(START + 30)
    assert clock.deadline().at == START + 40
    clock.restart(START + 55)
    assert clock.deadline()[:2] == (START + 60, "total")


SENTENCES = {
    "no first content for 30.0 s, limit 30 s": (Timeouts(first=30), [], 30),
    "no content for 31.5 s, limit 30.5 s": (Timeouts(gap=30.5), [(1, False)], 32.5),
    "no end after 61.0 s, limit 60 s": (Timeouts(total=60), [(1, False)], 61),
}


@pytest.mark.parametrize(("sentence", "case"), SENTENCES.items())
def test_sentence_has_the_number_that_mattered(sentence, case):
    timeouts, marks, now = case
    assert clock_after(timeouts, marks).expired(START + now).sentence(START + now) == sentence


@pytest.mark.parametrize("name", ["first", "gap", "total", "reasoning_gap"])
@pytest.mark.parametrize("limit", [0, -1, math.nan, True, "3"])
def test_limit_that_cannot_be_meant(name, limit):
    with pytest.raises(CallerError, match=name):
        Timeouts(**{name: limit})


limits = st.none() | st.integers(1, 50)
marks = st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=5).map(sorted)


@given(st.builds(Timeouts, limits, limits, limits, limits), marks, st.integers(0, 200))
def test_expired_is_the_deadline_that_passed(timeouts, marks, now):
    clock = clock_after(timeouts, marks)
    deadline = clock.deadline()
    assert clock.expired(START + now) == (deadline if deadline and deadline.at <= START + now else None)
