"""How far each number of a usage report can be trusted."""

import pytest

from streamfold.errors import CallerError
from streamfold.folding import Fold
from streamfold.folding.deltas import END, ChoiceEnd
from streamfold.reply import Verdict
from streamfold.reply.usage import Usage

COUNTED = Usage(input_tokens=9, output_tokens=4, total_tokens=13, cached_tokens=0)


def usage_of(*deltas, **options):
    fold = Fold(**options)
    fold.feed(deltas)
    fold.close()
    return fold.reply.usage


def marks(usage):
    return [usage.mark(name) for name in ("input_tokens", "cached_tokens", "output_tokens", "total_tokens")]


def test_what_nobody_said_is_absent():
    assert marks(usage_of("a", "b", END)) == ["absent"] * 4
    assert usage_of("a", "b") == Usage()


def test_zero_is_a_number_that_somebody_said():
    assert COUNTED.mark("cached_tokens") == "exact"
    assert COUNTED.mark("reasoning_tokens") == "absent"


@pytest.mark.parametrize("end", [END, ChoiceEnd("stop", Verdict.COMPLETE)])
def test_what_was_counted_at_the_end_is_exact(end):
    assert marks(usage_of("a", COUNTED, end)) == ["exact"] * 4
    assert usage_of("a", COUNTED, end) == COUNTED


def test_usage_after_the_finish_reason_is_exact():
    assert marks(usage_of("a", ChoiceEnd("stop", Verdict.COMPLETE), COUNTED)) == ["exact"] * 4


@pytest.mark.parametrize("options", [{}, {"stop": "b"}])
def test_what_was_counted_before_the_reply_broke_off_is_estimated(options):
    usage = usage_of(COUNTED, "a", "b", **options)
    assert marks(usage) == ["exact", "exact", "estimated", "estimated"]
    assert (usage.output_tokens, usage.raw) == (4, COUNTED.raw)


def test_a_name_that_no_number_has():
    with pytest.raises(CallerError, match=r"'tokens'.*output_tokens"):
        COUNTED.mark("tokens")
