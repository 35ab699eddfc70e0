"""Text that comes in bursts flows evenly, none of it late, and no character is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from wcwidth import iter_graphemes

from streamfold.terminal.pacing import MAX_DELAY, PacedSegments, Pacer
from streamfold.terminal.theme import STRONG

from .shown import text_of

FRAME = 1 / 60


def test_a_steady_stream_of_bursts_comes_out_evenly() -> None:
    pacer = Pacer()
    shown = []
    for frame in range(240):
        if frame % 12 == 0:  # 20 clusters, 5 times a second
            pacer.arrived(frame * FRAME, 20)
        shown.append(pacer.due(frame * FRAME))
    steady = shown[30:-30]
    assert (min(steady), max(steady)) in {(1, 2), (1, 3)}
    assert abs(sum(steady) / len(steady) - 20 / 12) < 0.1


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 50)), max_size=30))
def test_nothing_comes_later_than_the_bound_nor_before_it_arrived(batches: list[tuple[float, int]]) -> None:
    pacer = Pacer()
    now, arrived, shown = 0.0, 0, 0
    times: list[float] = []
    for gap, n in batches:
        now += gap
        shown += pacer.due(now)
        assert shown <= arrived
        assert shown >= sum(now - then >= MAX_DELAY + 1e-6 for then in times)
        pacer.arrived(now, n)
        times += [now] * n
        arrived += n
    assert shown + pacer.due(now + MAX_DELAY + 1e-6) == arrived


def test_a_character_is_never_cut() -> None:
    paced = PacedSegments()
    text = "a👩‍🚀é中🇩🇪👍🏽e\u0301"
    for place, char in enumerate(text):  # even where it arrives cut
        paced.feed([Segment(char)], place * 0.01)
    shown = []
    now = 0.0
    while now < 1:
        shown += [segment.text for segment in paced.due(now)]
        now += FRAME
    assert "".join(shown) == text
    assert all(piece in list(iter_graphemes(text)) for piece in shown)


def test_styles_are_kept_and_the_rest_comes_at_the_end() -> None:
    paced = PacedSegments()
    paced.feed([Segment("ab"), Segment("cd", STRONG)], 0)
    assert not paced.due(0)
    assert paced
    shown = paced.close()
    assert text_of(shown) == "abcd"
    assert [segment.style == STRONG for segment in shown] == [False, False, True, True]
    assert not paced
