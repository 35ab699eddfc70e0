"""Facts: what a recording tells, on recordings whose every number is known."""

import json
from itertools import pairwise

import pytest

from streamfold.inspection.as_json import facts_json
from streamfold.inspection.difference import compared, difference, shortened
from streamfold.inspection.facts import inspected
from streamfold.inspection.page import page
from streamfold.inspection.statistics import PER_DECADE, histogram, percentile
from streamfold.recordings import Recording
from streamfold.recordings.format import encode

from ..recordings.made import made


def delta(**values):
    return (
        b"data: " + json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "delta": values}]}).encode() + b"\n\n"
    )


def end(reason="stop", tokens=None):
    usage = {"usage": {"completion_tokens": tokens, "prompt_tokens": 7}} if tokens else {}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], **usage}
    return b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n"


def recording(*chunks, **options):
    return Recording.parse(made(*chunks, **options))


EVEN = [(0.5 + at / 10, delta(content="ab")) for at in range(11)]


def test_an_even_stream():
    facts = inspected(recording(*EVEN, (1.6, end(tokens=22)), end={"reading": "exhausted"}, ended_at=1.7), {})
    assert (facts.to_response, facts.to_first_byte, facts.to_first) == (0.1, 0.5, 0.5)
    assert (facts.generating, facts.total) == (pytest.approx(1.0), pytest.approx(1.7))
    assert facts.gaps == pytest.approx([0.1] * 10)
    assert list(facts.percentiles.values()) == pytest.approx([0.1] * 5)
    assert [(one.low <= 0.1 <= one.high, one.n) for one in facts.histogram] == [(True, 10)]
    assert (facts.rate_unit, facts.per_second) == ("tokens", pytest.approx(20))
    assert sum(value for _, value in facts.rate) / len(facts.rate) == pytest.approx(20, rel=0.1)
    assert facts.stalls == []
    assert facts.n_content_bytes == 22
    assert facts.n_bytes == sum(len(data) for _, data in EVEN) + len(end(tokens=22))
    assert facts.reply.verdict == "complete"


def test_what_the_provider_did_not_count_is_characters():
    facts = inspected(recording(*EVEN, (1.6, end())), {})
    assert (facts.rate_unit, facts.per_second) == ("characters", pytest.approx(20))


def test_a_stall_is_a_gap_much_longer_than_the_others():
    facts = inspected(recording(*EVEN, (4.5, delta(content="x")), (4.6, end())), {})
    assert facts.stalls == [(pytest.approx(1.5), pytest.approx(3.0))]
    assert [entry.what for entry in facts.timeline if entry.is_trouble] == ["stall"]


def test_pieces_of_one_read_have_no_gap_between_them():
    facts = inspected(recording((0.2, delta(content="a") + delta(content="b")), (0.4, delta(content="c"))), {})
    assert [mark.gap for mark in facts.marks] == [None, 0.0, pytest.approx(0.2)]
    assert facts.gaps == [pytest.approx(0.2)]


def test_the_timeline():
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}
    chunks = [(0.2, delta(reasoning_content="Hm")), (0.3, delta(content="Hi")), (0.4, delta(tool_calls=[call]))]
    facts = inspected(recording(*chunks, (0.5, end("tool_calls")), end={"reading": "exhausted"}), {})
    told = [(round(entry.at, 3), entry.what) for entry in facts.timeline]
    assert told == [
        (0.0, "request"),
        (0.1, "response"),
        (0.2, "first bytes"),
        (0.2, "first reasoning"),
        (0.3, "first text"),
        (0.4, "call begins"),
        (0.4, "last content"),
        (0.5, "call ends"),
        (0.5, "tool_calls"),
    ]
    (found,) = facts.calls
    assert (found.call.name, found.started_at, found.ended_at) == ("f", pytest.approx(0.4), pytest.approx(0.5))


def test_a_stream_that_was_reconnected_is_one():
    """Its times count from its own request, not from the one that brought the rest of it."""
    rest = [
        encode("request", 2_000_000, {"method": "GET"}),
        encode("reconnect", 2_000_000, b""),
        encode("response", 2_100_000, {"status": 200, "content_type": "text/event-stream"}),
        encode("read", 2_300_000, delta(content="b")),
        encode("read", 2_400_000, end()),
        encode("end", 2_500_000, {"reading": "exhausted"}),
    ]
    facts = inspected(Recording.parse(made((0.2, delta(content="a"))) + b"".join(rest)), {})
    assert (facts.reply.text, facts.reply.verdict, facts.attempts) == ("ab", "complete", 2)
    assert (facts.to_response, facts.to_first_byte, facts.to_first, facts.total) == (0.1, 0.2, 0.2, 2.5)
    assert facts.generating == pytest.approx(2.1)


def test_a_torn_file_and_a_provider_that_says_no():
    file = made((0.2, delta(content="Hi")), (0.3, b'data: {"error":{"message":"overloaded"}}\n\n')) + b"read 5 10"
    facts = inspected(Recording.parse(file), {})
    assert [entry.what for entry in facts.timeline if entry.is_trouble] == ["torn", "error"]


@pytest.mark.parametrize("file", [b"", made(), made((0.1, b"")), b"nonsense", made((0.1, "text"), response=None)])
def test_next_to_nothing_has_facts_and_a_page_too(file):
    found = Recording.parse(file)
    facts = inspected(found, {})
    json.dumps(facts_json(facts, found))
    assert page(facts, found, "x").startswith("<!doctype html>")


def test_a_page_holds_nothing_that_could_run():
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    call = {"index": 0, "id": evil, "function": {"name": evil, "arguments": json.dumps({"a": evil})}}
    chunks = [(0.2, delta(content=evil, reasoning_content=evil)), (0.3, delta(tool_calls=[call])), (0.4, end(evil))]
    found = recording(*chunks, request={"method": evil, "url": evil})
    shown = page(inspected(found, {}), found, evil)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown
    assert "http" not in shown.replace('http-equiv="Content-Security-Policy"', "")


def test_a_page_of_a_long_stream_is_bounded():
    chunks = [(0.2 + at / 1000, delta(reasoning_content="word ")) for at in range(30_000)]
    found = recording(*chunks, (40.0, delta(content="The last line.\n")), (41.0, end()))
    shown = page(inspected(found, {}), found, "long")
    assert shown.count("<line") < 5_000
    assert len(shown) < 3_000_000
    assert shown.count("word ") == 30_000
    assert '<div class="said text">The last line.\n</div>' in shown


def test_percentiles_that_are_the_same_share_a_label():
    found = recording(*EVEN, (1.6, end()))
    assert ">p50, p95, p99</text>" in page(inspected(found, {}), found, "even")
    found = recording(*EVEN, (3.6, delta(content="x")), (4.0, end()))
    assert ">p50</text>" in page(inspected(found, {}), found, "late")


def test_percentiles_are_nearest_ranks():
    values = [float(at) for at in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([3.0], 0.5) == 3.0


def test_histogram():
    bins = histogram([0.0, 0.01, 0.011, 1.0])
    assert sum(one.n for one in bins) == 4
    assert len(bins) == 4 * PER_DECADE + 1
    assert all(after.low == pytest.approx(before.high) for before, after in pairwise(bins))
    assert histogram([]) == []


class TestDifference:
    def compare(self, first, second):
        return difference(*[inspected(recording(*chunks), {}) for chunks in (first, second)])

    def test_the_same_words_at_another_time(self):
        found = self.compare([*EVEN, (2.0, end())], [(at * 2, data) for at, data in EVEN] + [(9.0, end())])
        assert found.is_same
        assert any(row.differs for row in found.around)

    def test_other_words(self):
        found = self.compare([*EVEN, (2.0, end())], [*EVEN[:5], (2.0, end())])
        assert not found.is_same

    def test_another_verdict(self):
        found = self.compare([*EVEN, (2.0, end())], EVEN)
        assert not found.is_same
        assert [row.name for row in found.facts if row.differs] == ["verdict"]

    def test_another_call(self):
        calls = [{"index": 0, "id": "c", "function": {"name": "f", "arguments": f'{{"a":{n}}}'}} for n in (1, 2)]
        found = self.compare(*[[(0.1, delta(tool_calls=[call])), (0.2, end("tool_calls"))] for call in calls])
        assert [(row.name, row.first, row.second) for row in found.facts if row.differs] == [
            ("tool call 1", "f({'a': 1})", "f({'a': 2})")
        ]

    def test_pieces_add_up_to_both_texts(self):
        one, other = "The quick brown fox jumps over the dog.", "The slow brown fox jumps over the lazy dog."
        pieces = compared(one, other)
        assert "".join(piece.text for piece in pieces if piece.sign != "+") == one
        assert "".join(piece.text for piece in pieces if piece.sign != "-") == other
        assert [piece.text for piece in pieces if piece.sign == "+"] == ["slow ", "lazy "]

    def test_texts_that_have_little_in_common_stay_whole(self):
        assert [piece.sign for piece in compared("one two three", "vier fünf sechs")] == ["-", "+"]

    def test_what_is_equal_is_shortened(self):
        same = "word " * 100
        shown = shortened(compared(f"{same}a {same}", f"{same}b {same}"))
        assert len("".join(piece.text for piece in shown)) < 300
        assert [piece.text for piece in shown if piece.sign != " "] == ["a ", "b "]

    def test_a_long_text_is_compared_in_time(self):
        lines = [f"line {at} of a long text\n" for at in range(5_000)]
        other = [*lines[:2_500], "another\n", *lines[2_501:]]
        assert len(compared("".join(lines), "".join(other))) == 4
