"""What follows a failed attempt, how long a server asks to wait, and how a continuation joins what was delivered."""

import ssl
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamfold.errors import (
    CallerError,
    DialectError,
    EngineError,
    FramingError,
    ProviderError,
    SourceError,
)
from streamfold.events import ReasoningDelta, RefusalDelta, TextDelta
from streamfold.folding import Fold
from streamfold.folding.deltas import ToolCallPiece
from streamfold.folding.joining import MAX_OVERLAP, MIN_OVERLAP, Joiner, overlap
from streamfold.network.retry import (
    FIRST_WAIT,
    MAX_WAIT,
    Continue,
    Delivered,
    Failure,
    GiveUp,
    Restart,
    Retry,
    RetryPolicy,
    backoff,
    decide,
    delivered,
    may_pass,
)
from streamfold.network.retry_after import asked_wait

from ..chunkings import chunkings, splits


def caused(error, *causes):
    """Return `error` as raised from the first of `causes`, that from the second, and so on."""
    for outer, inner in zip((error, *causes), causes, strict=False):
        outer.__cause__ = inner
    return error


# --- what may pass ----------------------------------------------------------------------------------------

MAY_PASS = {
    "broke off": (None, True),
    **{f"status {s}": (ProviderError("no", status=s), True) for s in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
    **{f"status {s}": (ProviderError("no", status=s), False) for s in (400, 401, 403, 404, 413, 422)},
    "overloaded, in the stream": (ProviderError("no", type="overloaded_error", retryable=True), True),
    "no status": (ProviderError("no"), False),
    "refused": (SourceError(ConnectionRefusedError()), True),
    "reset": (SourceError(ConnectionResetError()), True),
    "timeout": (SourceError(TimeoutError()), True),
    "no such host": (SourceError(OSError(-2, "Name or service not known")), True),
    "ended too soon": (SourceError(EOFError()), True),
    "a library's own": (
        SourceError(caused(RuntimeError("ConnectError"), RuntimeError(), OSError(113, "no route"))),
        True,
    ),
    "a ring of causes": (SourceError(caused(ring := RuntimeError(), KeyError(), ring)), False),
    "certificate": (SourceError(ssl.SSLCertVerificationError("expired")), False),
    "file": (SourceError(FileNotFoundError("recording")), False),
    "somebody's bug": (SourceError(KeyError("x")), False),
    "framing": (FramingError("not SSE"), False),
    "dialect": (DialectError("openai_chat", b"<html>", "not JSON"), False),
    "engine": (EngineError("no weights"), False),
}


@pytest.mark.parametrize(("error", "expected"), MAY_PASS.values(), ids=MAY_PASS)
def test_may_pass(error, expected):
    assert may_pass(error) is expected


# --- decisions --------------------------------------------------------------------------------------------

BUSY = ProviderError("overloaded", status=529)
WRONG = ProviderError("no such model", status=404)
TEXT, MORE = Delivered.TEXT, Delivered.MORE
DEFAULT, RESTART, CONTINUE = RetryPolicy(), RetryPolicy(after_text="restart"), RetryPolicy(after_text="continue")
TWO = RetryPolicy(endpoints=2)

# Drawn with 0.5: half of each limit.
DECISIONS = {
    "first retry": (DEFAULT, Failure(BUSY), Retry(0.25, 0, 2)),
    "second retry waits longer": (DEFAULT, Failure(BUSY, attempt=2), Retry(0.5, 0, 3)),
    "attempts used up": (DEFAULT, Failure(BUSY, attempt=3), "3 attempts failed, limit 3"),
    "the server asks for more": (DEFAULT, Failure(BUSY, retry_after=7), Retry(7, 0, 2)),
    "the server asks for less": (DEFAULT, Failure(BUSY, retry_after=0.1), Retry(0.25, 0, 2)),
    "just in the budget": (DEFAULT, Failure(BUSY, elapsed=10, retry_after=50), Retry(50, 0, 2)),
    "past the budget": (
        DEFAULT,
        Failure(BUSY, elapsed=10, retry_after=50.1),
        "the next attempt would begin after 60.1 s, limit 60 s",
    ),
    "will not pass": (DEFAULT, Failure(WRONG), "another attempt would fail as well: no such model (404)"),
    "broke off before content": (DEFAULT, Failure(None), Retry(0.25, 0, 2)),
    "broke off after text": (DEFAULT, Failure(None, TEXT), "text was delivered, and another attempt would repeat it"),
    "restart": (RESTART, Failure(BUSY, TEXT), Restart(0.25, 0, 2)),
    "restart is for text": (RESTART, Failure(BUSY), Retry(0.25, 0, 2)),
    "restart within the attempts": (RESTART, Failure(BUSY, TEXT, attempt=3), "3 attempts failed, limit 3"),
    "continue": (CONTINUE, Failure(BUSY, TEXT), Continue(0.25, 0, 2)),
    "continue is for text": (CONTINUE, Failure(BUSY), Retry(0.25, 0, 2)),
    **{
        f"{policy.after_text} after more than text": (
            policy,
            Failure(BUSY, MORE),
            "more than plain text was delivered, which can be neither taken back nor continued",
        )
        for policy in (DEFAULT, RESTART, CONTINUE)
    },
    "same endpoint first": (TWO, Failure(BUSY), Retry(0.25, 0, 2)),
    "next endpoint, at once": (TWO, Failure(BUSY, attempt=3), Retry(0, 1, 1)),
    "next endpoint, as this one asks too much": (TWO, Failure(BUSY, retry_after=99), Retry(0, 1, 1)),
    "next endpoint, as this one refuses": (TWO, Failure(WRONG), Retry(0, 1, 1)),
    "no endpoint left": (TWO, Failure(BUSY, attempt=3, endpoint=1), "3 attempts failed, limit 3"),
    "no time for another endpoint": (TWO, Failure(WRONG, elapsed=61), "another attempt would fail as well"),
    "the caller's mistake": (TWO, Failure(CallerError("bad")), "another attempt would fail as well: bad"),
    "restart elsewhere": (
        RetryPolicy(attempts=1, after_text="restart", endpoints=2),
        Failure(BUSY, TEXT),
        Restart(0, 1, 1),
    ),
    "no continuation elsewhere": (
        RetryPolicy(attempts=1, after_text="continue", endpoints=2),
        Failure(BUSY, TEXT),
        "1 attempts failed, limit 1",
    ),
}


@pytest.mark.parametrize(("policy", "failure", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_decision(policy, failure, expected):
    decision = decide(policy, failure, 0.5)
    if isinstance(expected, str):
        assert isinstance(decision, GiveUp)
        assert decision.why.startswith(expected)
    else:
        assert decision == expected


errors = st.sampled_from([error for error, _ in MAY_PASS.values()])
policies = st.builds(
    RetryPolicy,
    st.integers(1, 4),
    st.floats(0, 60),
    st.sampled_from(["fail", "restart", "continue"]),
    st.integers(1, 3),
)


@settings(max_examples=60)
@given(policies, st.lists(errors, min_size=13, max_size=13), st.sampled_from(Delivered), st.data())
def test_every_run_of_failures_ends_within_the_policy(policy, failing, what, data):
    tried, elapsed, endpoint, attempt = [], 0.0, 0, 1
    for error in failing:
        tried.append((endpoint, attempt))
        asked = data.draw(st.none() | st.floats(0, 20))
        decision = decide(
            policy, Failure(error, what, elapsed, asked, attempt, endpoint), data.draw(st.floats(0, 0.99))
        )
        if isinstance(decision, GiveUp):
            break
        assert type(decision) is (
            Retry if what is Delivered.NOTHING else Restart if policy.after_text == "restart" else Continue
        )
        assert decision.wait >= (asked or 0) or decision.endpoint > endpoint
        elapsed, endpoint, attempt = elapsed + decision.wait, decision.endpoint, decision.attempt
        assert elapsed <= policy.budget
    assert isinstance(decision, GiveUp)
    assert tried == sorted(set(tried))
    assert max(attempt for _, attempt in tried) <= policy.attempts
    assert len({endpoint for endpoint, _ in tried}) <= policy.endpoints
    assert len(tried) == 1 or what is Delivered.NOTHING or (what is Delivered.TEXT and policy.after_text != "fail")


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_is_a_share_of_a_limit_that_doubles(attempt, random):
    assert backoff(attempt, random) == random * min(MAX_WAIT, FIRST_WAIT * 2 ** min(attempt - 1, 50))


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"endpoints": 0}, {"budget": -1}, {"after_text": "guess"}])
def test_policy_that_cannot_be_meant(bad):
    with pytest.raises(CallerError):
        RetryPolicy(**bad)


DELIVERED = {
    "nothing": ([], Delivered.NOTHING),
    "held back": (["EN"], Delivered.NOTHING),
    "text": (["a"], Delivered.TEXT),
    "reasoning": ([ReasoningDelta("a")], Delivered.MORE),
    "reasoning, then text": ([ReasoningDelta("a"), "b"], Delivered.MORE),
    "refusal": ([RefusalDelta("a")], Delivered.MORE),
    "tool call": (["a", ToolCallPiece(0, "c", "f", "")], Delivered.MORE),
    "two choices": (["a", TextDelta("b", 1)], Delivered.MORE),
}


@pytest.mark.parametrize(("deltas", "expected"), DELIVERED.values(), ids=DELIVERED)
def test_delivered(deltas, expected):
    fold = Fold("END")
    fold.feed(deltas)
    assert delivered(fold.reply) is expected


# --- how long a server asks to wait -----------------------------------------------------------------------

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC).timestamp()
SPENT = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}
ASKED = {
    "nothing": ({}, None),
    "seconds": ({"Retry-After": "30"}, 30),
    "a fraction": ({"retry-after": " 1.5 "}, 1.5),
    "date": ({"Retry-After": "Sat, 31 Jan 2026 12:00:30 GMT"}, 30),
    "obsolete date": ({"Retry-After": "Saturday, 31-Jan-26 12:00:30 GMT"}, 30),
    "date without a zone": ({"Retry-After": "Sat, 31 Jan 2026 12:00:30 -0000"}, 30),
    "date in the past": ({"Retry-After": "Sat, 31 Jan 2026 11:00:00 GMT"}, 0),
    "milliseconds go first": ({"retry-after": "2", "Retry-After-Ms": "1250"}, 1.25),
    "illegible milliseconds": ({"retry-after": "2", "retry-after-ms": "soon"}, 2),
    "negative": ({"retry-after": "-5"}, None),
    "illegible": ({"retry-after": "soon"}, None),
    "huge": ({"retry-after": "9" * 400}, None),
    "quota": ({**SPENT, "x-ratelimit-reset-requests": "6m0s"}, 360),
    "quota, all units": ({**SPENT, "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
    "quota, milliseconds": ({**SPENT, "x-ratelimit-reset-tokens": "20ms"}, 0.02),
    "quotas: the longest": ({**SPENT, "x-ratelimit-reset-tokens": "2s", "x-ratelimit-reset-requests": "1s"}, 2),
    "quota that is not used up": ({"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "6m0s"}, None),
    "Retry-After goes before quotas": ({**SPENT, "x-ratelimit-reset-tokens": "6m0s", "retry-after": "1"}, 1),
    "Anthropic's quota": (
        {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-01-31T12:00:09Z"},
        9,
    ),
    "since 1970": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 8:.0f}"}, 8),
    "milliseconds since 1970": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW * 1000 + 8500:.0f}"}, 8.5),
}


@pytest.mark.parametrize(("headers", "expected"), ASKED.values(), ids=ASKED)
def test_asked_wait(headers, expected):
    assert asked_wait(headers, NOW) == pytest.approx(expected)


@given(st.datetimes(datetime(2026, 2, 1), datetime(2030, 1, 1)))
def test_every_date_is_read(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    wait = moment.timestamp() - NOW
    assert asked_wait({"retry-after": format_datetime(moment, usegmt=True)}, NOW) == wait
    assert asked_wait({"x-ratelimit-remaining": "0", "x-ratelimit-reset": moment.isoformat()}, NOW) == wait


@given(st.text(max_size=30) | st.text("0123456789.:,-+ smhTZJanGMT", max_size=30))
def test_no_header_raises(value):
    for name in ("retry-after", "retry-after-ms"):
        wait = asked_wait({name: value}, NOW)
        assert wait is None or 0 <= wait < float("inf")


# --- overlap ----------------------------------------------------------------------------------------------

SAID = "It stood on the hill. The quick brown fox jum"
OVERLAPS = {
    "none": (SAID, "ped over the dog.", ""),
    "genuine repeat": ("He laughed: ha", "ha ha", ""),
    "genuine repeat after a repeat": ("He laughed: ha ha ha ha ha ha ha ", "ha ha ha ha ha ha ha!", ""),
    "equal rows": ("| a row of a table | 1 |\n" * 2, "| a row of a table | 1 |\nend", ""),
    "three equal rows": ("| a row of a table | 1 |\n" * 3, "| a row of a table | 1 |\n" * 4, ""),
    "dashes": ("-" * 150, "-" * 150, ""),
    "from a word's beginning": (SAID, "The quick brown fox jumped over", "The quick brown fox jum"),
    "from a word's middle": (SAID, "he quick brown fox jumped over", ""),
    "from a sign": (SAID, ". The quick brown fox jumped", ". The quick brown fox jum"),
    "too short": (SAID, "brown fox jumped", ""),
    "all of it": (SAID, SAID + "ped over", SAID),
    "said again before a repetition": ("The answer is: ha ha", "The answer is: ha ha ha", "The answer is: ha ha"),
    "without spaces": ("天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往", "辰宿列張寒來暑往", ""),
    "without spaces, long": (
        "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往",
        "宇宙洪荒日月盈昃辰宿列張寒來暑往秋",
        "宇宙洪荒日月盈昃辰宿列張寒來暑往",
    ),
    "nothing before": ("", "The quick brown fox", ""),
    "nothing after": (SAID, "", ""),
    "ends within": (SAID, "The quick brown", ""),
}


@pytest.mark.parametrize(("tail", "head", "common"), OVERLAPS.values(), ids=OVERLAPS)
def test_overlap(tail, head, common):
    assert overlap(tail, head) == len(common)


@pytest.mark.parametrize(("tail", "head", "common"), OVERLAPS.values(), ids=OVERLAPS)
def test_joiner_however_it_is_cut(tail, head, common):
    for pieces in chunkings(head):
        joiner = Joiner(tail)
        assert "".join([*map(joiner.feed, pieces), joiner.close()]) == head[len(common) :]


def test_overlap_is_looked_for_in_the_end_alone():
    assert overlap("x, y. " * MAX_OVERLAP + SAID, SAID + "p") == len(SAID)
    assert Joiner("x, y. " * MAX_OVERLAP + SAID).feed(SAID + "p") == "p"


def oracle(tail, head):
    """Return the overlap as it is defined, without a thought for time."""
    for start in range(len(tail) - MIN_OVERLAP + 1):
        inside = start and tail[start - 1].isalnum() and tail[start].isalnum()
        if head.startswith(tail[start:]) and not inside and not in_repetition(tail, start):
            return len(tail) - start
    return 0


def in_repetition(tail, start):
    """Tell whether ``tail[start:]`` lies within an end of `tail` that is something two times or more."""
    ends = [tail[begin:] for begin in range(start + 1)]
    return any(end[p:] == end[: len(end) - p] for end in ends for p in range(1, len(end) // 2 + 1))


texts = st.text("ab ", max_size=40) | st.lists(st.sampled_from(["ha", " ", "the cat sat", "\n", "x"])).map("".join)


@st.composite
def joints(draw):
    """Draw what was delivered and a continuation, which often begins with the end of it."""
    tail = draw(texts)[:60]
    return tail, tail[draw(st.integers(0, len(tail))) :] + draw(texts)


@given(joints())
def test_overlap_is_as_defined(joint):
    assert overlap(*joint) == oracle(*joint)


@given(joints().flatmap(lambda joint: st.tuples(st.just(joint), splits(joint[1]))))
def test_joiner_loses_the_overlap_and_nothing_else(case):
    (tail, head), pieces = case
    joiner = Joiner(tail)
    shown, fed = "", ""
    for piece in pieces:
        shown, fed = shown + joiner.feed(piece), fed + piece
        if not shown:  # held back only while what follows can still change the overlap
            assert fed == "" or overlap(tail, fed) == len(fed) or can_grow(tail, fed)
    assert shown + joiner.close() == head[oracle(tail, head) :]


def can_grow(tail, fed):
    """Tell whether `fed` is the beginning of an overlap that is longer."""
    return any(
        tail[start:].startswith(fed) and oracle(tail, tail[start:]) == len(tail) - start
        for start in range(len(tail) - len(fed))
    )


def test_join_of_the_worst_is_quick():
    """Every place is a candidate, and each character comes alone; the suite's time limit is the measure."""
    tail = "".join(" " if n.bit_count() % 2 else "." for n in range(MAX_OVERLAP))  # no cube lies in it (Thue and Morse)
    joiner = Joiner(tail)
    assert "".join(map(joiner.feed, tail + "!")) == "!"
