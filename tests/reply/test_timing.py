"""The meter: percentiles within their error, in bounded memory, whatever the gaps."""

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.reply.timing import GAP_ERROR, SHORTEST_GAP, Meter, Timing

START = 100.0


def metered(*times, now=0.0):
    meter = Meter(START)
    for at in times:
        meter.stamp(START + at)
    return meter.timing(START + now)


def near(value):
    return pytest.approx(value, rel=GAP_ERROR + 1e-9, abs=SHORTEST_GAP)


def test_nothing_came():
    nothing = {"first": None, "generating": None, "gap_p50": None, "gap_p95": None, "gap_max": None}
    assert metered(now=3) == Timing(**nothing, total=3, deltas=0, events=0, bytes=0)
    assert metered(now=3).per_second() is None


def test_one_piece_has_no_gap_and_no_speed():
    timing = metered(2, now=5)
    assert (timing.first, timing.generating, timing.total, timing.deltas) == (2, 0, 5, 1)
    assert (timing.gap_p50, timing.gap_max, timing.per_second(), timing.per_second(9)) == (None, None, None, None)


def test_even_flow():
    timing = metered(*range(2, 13), now=13)
    assert (timing.first, timing.generating, timing.gap_max, timing.per_second()) == (2, 10, 1, 1)
    assert (timing.gap_p50, timing.gap_p95) == (near(1), near(1))


def test_one_long_gap():
    timing = metered(*range(21), 120)
    assert (timing.gap_p50, timing.gap_p95, timing.gap_max) == (near(1), near(1), 100)


def test_speed_counts_what_the_caller_counted():
    assert metered(1, 3).per_second(101) == 50


def test_deltas_of_one_read_have_no_gap_between_them():
    meter = Meter(START)
    meter.read(20, events=3, more_deltas=2)
    meter.stamp(START + 1)
    meter.read(20, events=2, more_deltas=1)
    meter.stamp(START + 2)
    timing = meter.timing(START + 2)
    assert (timing.deltas, timing.gap_p50, timing.gap_max) == (5, near(1), 1)


def test_reads_are_counted():
    meter = Meter(START)
    meter.read(300, events=1)
    meter.read(20)
    assert (meter.timing(START).bytes, meter.timing(START).events) == (320, 1)


def test_to_ask_on_the_way_changes_nothing():
    asked, meter = Meter(START), Meter(START)
    for at in (1, 2, 4, 4.5, 9):
        asked.stamp(START + at)
        meter.stamp(START + at)
        asked.timing(START + at)
    assert asked.timing(START + 10) == meter.timing(START + 10)


def test_one_frame_of_one_piece_is_a_read_with_a_stamp():
    meter, other = Meter(START), Meter(START)
    meter.one(300, START + 1)
    other.read(300, events=1)
    other.stamp(START + 1)
    assert meter.timing(START + 2) == other.timing(START + 2)


def test_clock_that_steps_back_breaks_nothing():
    timing = metered(2, 1, 3)
    assert (timing.gap_p50, timing.gap_max) == (0, 2)


@given(st.lists(st.floats(0, 1e5) | st.floats(0, 0.01), min_size=1, max_size=30))
def test_percentiles_are_within_their_error(gaps):
    times = list(accumulate(gaps, initial=1.0))
    real = sorted(after - before for before, after in pairwise(times))
    meter = Meter(0)
    for at in times:
        meter.stamp(at)
    timing = meter.timing(times[-1])
    assert timing.gap_p50 == near(real[math.ceil(0.5 * len(real)) - 1])
    assert timing.gap_p95 == near(real[math.ceil(0.95 * len(real)) - 1])
    assert timing.gap_max == real[-1]
    assert timing.gap_p50 <= timing.gap_p95 <= timing.gap_max


def test_memory_is_bounded():
    meter = Meter(0)
    at = 0.0
    for n in range(20_000):
        at += SHORTEST_GAP * 1.00158**n  # from a microsecond to a year and a half
        meter.stamp(at)
    assert at > 365 * 86_400
    assert len(meter._buckets) < 900
