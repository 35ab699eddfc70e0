"""The stop matcher: the table of the engines' own cases, their case file, and a brute-force oracle."""

import codecs
import itertools
import json
import string
import threading
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold import stops as stops_module
from streamfold.errors import CallerError
from streamfold.stops import StopMatch, StopMatcher, UnreachableStopWarning

from .chunkings import chunkings, splits

pytestmark = pytest.mark.filterwarnings("ignore::streamfold.stops.UnreachableStopWarning")

IM_END = "<|im_end|>"


def deltas(matcher, chunks):
    """Feed until a stop matches, as a reader does; without a match the last item is what `close` releases."""
    shown = []
    for chunk in chunks:
        shown.append(matcher.feed(chunk))
        if matcher.match:
            return shown
    return [*shown, matcher.close()]


def read(matcher, chunks):
    """Feed everything, whatever matches; return the text."""
    return "".join([*map(matcher.feed, chunks), matcher.close()])


def read_inline(matcher, chunks):
    """Do the same with the loop that the docstring of `StopMatcher` gives."""
    parts, state = [], matcher.state
    chunks = iter(chunks)
    for chunk in chunks:
        if chunk in state.passing:
            parts.append(chunk)
        else:
            shown, state = state[chunk]
            parts.append(shown)
            if state.stopped:
                break
    matcher.state = state
    matcher.n_shown += sum(map(len, parts))
    return "".join([*parts, *map(matcher.feed, chunks), matcher.close()])


READERS = pytest.mark.parametrize("reader", [read, read_inline])
MODES = pytest.mark.parametrize("include", [False, True], ids=["cut", "include"])


class Row(NamedTuple):
    name: str
    chunks: list[str]
    stops: list[str]
    deltas: list[str]
    hit: str | None


ROWS = [
    Row("vllm-basic", ["Hello. World"], ["."], ["Hello"], "."),
    Row("swiftlm-132", ["The quick br", "own", " fox"], ["own fox"], ["The quick br", "", ""], "own fox"),
    Row("swiftlm-126", ["Hi\nUs", "er:", " x"], ["\nUser:"], ["Hi", ""], "\nUser:"),
    Row("false-prefix", ["a<|im", "age|> b"], [IM_END], ["a", "<|image|> b", ""], None),
    Row("llama.cpp-9867", ["done <|im_e"], [IM_END], ["done ", "<|im_e"], None),
    Row("mlc-cached-tokens", ["emoji:", "\n\n"], ["\n\n\n"], ["emoji:", "", "\n\n"], None),
    Row("self-overlap", ["aa", "ab"], ["aab"], ["", "a"], "aab"),
    Row("kmp", ["aba", "bac"], ["abac"], ["", "ab"], "abac"),
    Row("hf-true-strings", ["<|im_end|", IM_END], [IM_END], ["", "<|im_end|"], IM_END),
    Row("hf-overhang-1", ["las", "topper"], ["stop"], ["la", ""], "stop"),
    Row("hf-overhang-2", ["st", "opera"], ["stop"], ["", ""], "stop"),
    Row("hf-three-tokens", ["s", "to", "pped"], ["stop"], ["", "", ""], "stop"),
    Row("vllm-inner-first", ["abc"], ["abc", "b"], ["a"], "b"),
    Row("vllm-two-words", [" The user is a"], ["a", "is"], [" The user "], "is"),
    Row("vllm-two-words-turned", [" The user is a"], ["is", "a"], [" The user "], "is"),
    Row("vllm-tie", ["ab"], ["ab", "b"], [""], "ab"),
    Row("vllm-tie-turned", ["ab"], ["b", "ab"], ["a"], "b"),
    Row("dynamo-14848", ["there"], ["re", "he"], ["t"], "he"),
    Row("shadowing", ["foobar"], ["foobar", "foo"], [""], "foo"),
    Row("one-dies-one-completes", ["xab", "d"], ["abc", "bd"], ["x", "a"], "bd"),
    Row("whole-text", ["stop"], ["stop"], [""], "stop"),
    Row("first-character", ["a", "bc"], ["a"], [""], "a"),
    Row("hf-case", ["eNd"], ["end"], ["eNd", ""], None),
    Row("hf-space", ["en d"], ["e nd"], ["en d", ""], None),
    Row("mlc-emoji", ["hi ", "🤔", "x"], [" 🤔"], ["hi", ""], " 🤔"),
    Row("normalisation", ["cafe", "\u0301 !"], ["caf\u00e9"], ["cafe", "\u0301 !", ""], None),
    Row("vllm-stop-and-eos", ["abcdeZ"], ["cd"], ["ab"], "cd"),
    Row("two-in-one-chunk", ["one END two STOP"], ["STOP", "END"], ["one "], "END"),
    # From the engines' tests below the table.
    Row("vllm-check-stop-strings", ["hello world."], ["."], ["hello world"], "."),
    Row("vllm-no-stops", ["hello"], [], ["hello", ""], None),
    Row("vllm-partial-token", [" volunteer", " organization"], ["gani"], [" volunteer", " or"], "gani"),
    Row("vllm-multi-tokens", [" a group of", " people"], ["of peo", "short"], [" a group ", ""], "of peo"),
    Row("hf-not-at-the-end-1", ["<|im_end|<>stop<|im_end|"], [IM_END, "stop"], ["<|im_end|<>"], "stop"),
    Row("hf-not-at-the-end-2", ["stop", "at"], ["stop"], [""], "stop"),
    Row("hf-bytes-then-more", ["대화 끝 다음"], ["끝"], ["대화 "], "끝"),
    Row("llama.cpp-full-string", ["x<|im_end|>"], [IM_END], ["x"], IM_END),
    *(Row(f"hf-inside-{token}", [token], ["stop"], *tail) for token, tail in {
        "last": (["la", "st"], None), "s": (["", "s"], None), "p": (["p", ""], None),
        "top": (["top", ""], None), "topper": (["topper", ""], None),
    }.items()),
    *(Row(f"hf-true-{text}", [text + end], [IM_END, "stop", "e nd"], [text], end) for text, end in [
        ("<|im_start|>", IM_END), ("<|im_start|><|im_end|", IM_END), (">><|im_start|>>", "stop"),
        ("", "stop"), ("", "e nd"),
    ]),
    *(Row(f"hf-false-{text + end}", [text + end], [IM_END, "stop"], [text, end], None) for text, end in [
        ("<|im_start|>", "<|im_end|"), ("end", ""), ("eNd", ""), ("|im_end|>", ""), ("", "s"),
    ]),
]  # fmt: skip
"""The table of the edge-case contract, then the rest of its list that is about text."""
EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def expected(row, include):
    """Return the text of a row and its match, once everything has been fed."""
    text = "".join(row.deltas)
    if row.hit is None:
        return text, None
    discarded = len("".join(row.chunks)) - len(text) - len(row.hit)
    match = StopMatch(row.hit, row.stops.index(row.hit), len(text), discarded)
    return text + row.hit * include, match


@EVERY_ROW
@MODES
def test_row_as_the_table_cuts_it(row, include):
    matcher = StopMatcher(row.stops, include=include)
    wanted = list(row.deltas)
    if include and row.hit:
        wanted[-1] += row.hit
    assert deltas(matcher, row.chunks) == wanted


@EVERY_ROW
@MODES
@READERS
def test_row_however_it_is_cut(row, include, reader):
    for chunks in chunkings("".join(row.chunks)):
        matcher = StopMatcher(row.stops, include=include)
        assert (reader(matcher, chunks), matcher.match) == expected(row, include)


# --- the case file ----------------------------------------------------------------------------------------
#
# Kinds that say nothing of a text matcher, and so are left out:
#   limit          a budget of tokens, and whether it or the stop comes first, is the engine's business;
#   regex          stops are strings, compared as they are;
#   partial_match  with ``is_regex``: for the same reason (those without it are run).
# Read in the terms of a stream:
#   ends_with      "the text ends with the stop": it matches, and nothing is discarded after it;
#   overlap        sequences of token numbers, read as characters: the tail is held back, or matches;
#   hold_gate      the same question of a text;
#   byte_stream    the bytes go through an incremental UTF-8 decoder first;
#   validation     an empty stop: where the sources differ, the file's own note says to reject it.

CASE_FILE = Path(__file__).parents[2] / "shared" / "cases" / "stop_cases.json"
CASES = json.loads(CASE_FILE.read_text("utf-8")) if CASE_FILE.exists() else []


def cases(*kinds):
    """Parametrise a test with the file's cases of some kinds; without it, `shared` skips or fails."""
    found = [case for case in CASES if case["kind"] in kinds and not case.get("is_regex")]
    return pytest.mark.parametrize("case", found or [None], ids=lambda case: case and case["name"])


def test_every_kind_of_case_is_known(shared):
    known = {"stream", "byte_stream", "ends_with", "overlap", "hold_gate", "partial_match", "validation"}
    assert {case["kind"] for case in CASES} == known | {"limit", "regex"}


@cases("stream")
def test_stream_case(case, shared):
    for chunks in [case["chunks"], *chunkings("".join(case["chunks"]))]:
        matcher = StopMatcher(case["stop"], include=case["include_stop"])
        assert read(matcher, chunks) == case["expected_text"]
        assert (matcher.match and matcher.match.string) == case["expected_matched"]
        assert (case["expected_finish"] == "stop") == (matcher.match is not None)


@cases("stream")
def test_stream_case_piece_by_piece(case, shared):
    shown = deltas(StopMatcher(case["stop"], include=case["include_stop"]), case["chunks"])
    if "expected_emitted_per_chunk" in case:
        flush = [] if case["expected_matched"] else [case.get("expected_flush", "")]
        assert shown == case["expected_emitted_per_chunk"] + flush
    if "expected_pieces" in case:
        assert [piece for piece in shown if piece] == case["expected_pieces"]


@cases("byte_stream")
def test_byte_stream_case(case, shared):
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunks = [decoder.decode(bytes.fromhex(chunk)) for chunk in case["byte_chunks_hex"]]
    matcher = StopMatcher(case["stop"])
    assert read(matcher, chunks) == case["expected_text"]
    assert matcher.match.string == case["expected_matched"]


@cases("ends_with")
def test_ends_with_case(case, shared):
    for chunks in chunkings(case["text"]):
        matcher = StopMatcher(case["stop"])
        read(matcher, chunks)
        assert (matcher.match is not None and matcher.match.discarded == 0) == case["expected"]


@cases("overlap", "hold_gate")
def test_hold_case(case, shared):
    if "" in case["stop"]:
        return  # it would not hold; it is rejected, as the validation cases say
    numbers = case["kind"] == "overlap"
    tail = "".join(map(chr, case["tail"])) if numbers else case["tail"]
    matcher = StopMatcher("".join(map(chr, case["stop"])) if numbers else case["stop"])
    matcher.feed(tail)
    assert bool(matcher.held or matcher.match) == case["expected" if numbers else "expected_hold"]


@cases("partial_match")
def test_partial_match_case(case, shared):
    matcher = StopMatcher(case["pattern"])
    matcher.feed(case["input"])
    span, kind, held, match = None, "none", matcher.held, matcher.match
    if match:
        kind, span = "full", [match.offset, match.offset + len(match.string)]
    elif held:
        kind, span = "partial", [matcher.n_shown, matcher.n_shown + len(held)]
    assert (kind, span) == (case["expected"], case["expected_span"])


@cases("validation")
def test_validation_case(case, shared):
    with pytest.raises(CallerError, match="stop 0 is empty"):
        StopMatcher(case["stop"])


# --- the oracle -------------------------------------------------------------------------------------------


def first_match(text, stops):
    """Return the index, start and end of the stop that wins, by trying every end and every stop."""
    for end, (index, stop) in itertools.product(range(1, len(text) + 1), enumerate(stops)):
        if text.endswith(stop, 0, end):
            return index, end - len(stop), end
    return None


def longest_hold(text, stops):
    prefixes = {stop[:size] for stop in stops for size in range(len(stop))}
    return next((text[at:] for at in range(len(text)) if text[at:] in prefixes), "")


A_STOP = st.text("ab", min_size=1, max_size=5) | st.text("abc", min_size=1, max_size=3)
FEW_STOPS = st.lists(A_STOP, max_size=5)


@given(stops=FEW_STOPS, chunks=st.text("abcd", max_size=24).flatmap(splits), include=st.booleans())
def test_every_step_agrees_with_brute_force(stops, chunks, include):
    matcher = StopMatcher(stops, include=include)
    received = shown = ""
    for chunk in chunks:
        received += chunk
        shown += matcher.feed(chunk)
        found = first_match(received, stops)
        if found is None:
            assert matcher.match is None
            assert matcher.held == longest_hold(received, stops)
            assert shown + matcher.held == received
        else:
            index, start, end = found
            assert matcher.match == StopMatch(stops[index], index, start, len(received) - end)
            assert (shown, matcher.held) == (received[: end if include else start], "")
    assert shown + matcher.close() == (shown if matcher.match else received)
    assert matcher.close() == ""


@given(stops=FEW_STOPS, chunks=st.text("abcd", max_size=24).flatmap(splits), include=st.booleans())
def test_the_inline_loop_is_feed(stops, chunks, include):
    called, inline = StopMatcher(stops, include=include), StopMatcher(stops, include=include)
    assert read(called, chunks) == read_inline(inline, chunks)
    assert called.match == inline.match
    assert called.n_shown == inline.n_shown


@given(stops=FEW_STOPS)
def test_a_warning_for_exactly_the_stops_that_never_win(stops):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        StopMatcher(stops)
    # A stop that can win at all wins in the text that is just itself.
    firsts = {stops.index(stop): stop for stop in stops}
    beaten = sorted(index for index, stop in firsts.items() if first_match(stop, stops)[0] != index)
    assert [str(w.message).split(" (")[0] for w in caught] == [f"stop {i}" for i in beaten]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("stops", "message"),
    [
        (["b", "ab"], r"stop 1 \('ab'\) can never win: stop 0 \('b'\) always completes first"),
        (["abc", "b"], "stop 0 .* stop 1 "),
        (["foobar", "foo"], "stop 0 .* stop 1 "),
        (["x", "axb", "x"], "stop 1 .* stop 0 "),
    ],
)
def test_an_unreachable_stop_is_named(stops, message):
    with pytest.warns(UnreachableStopWarning, match=message) as caught:
        StopMatcher(stops)
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("stops", [["ab", "b"], ["a", "a"], ["abc", "bcd"], []])
def test_no_warning_for_stops_that_can_win(stops):
    StopMatcher(stops)


# --- what the caller may pass -----------------------------------------------------------------------------


def test_a_str_is_one_stop():
    matcher = StopMatcher("END")
    assert read(matcher, ["the E", "N", "D of it"]) == "the "
    assert matcher.match == StopMatch("END", 0, 4, 6)


def test_the_same_stop_twice_is_the_first():
    matcher = StopMatcher(["x", "END", "END"])
    read(matcher, ["END"])
    assert matcher.match.index == 1


def test_any_iterable_of_stops_will_do():
    assert read(StopMatcher(stop for stop in ("b", "c")), ["abc"]) == "a"


@pytest.mark.parametrize(
    ("stops", "message"),
    [
        ("", "stop 0 is empty"),
        (["a", ""], "stop 1 is empty"),
        (["a", None], "stop 1 is NoneType, expected str"),
        (b"ab", "stop 0 is int, expected str"),
        (None, "stop is NoneType, expected str or several str"),
        (7, "stop is int"),
    ],
)
def test_what_is_no_stop_is_rejected(stops, message):
    with pytest.raises(CallerError, match=message):
        StopMatcher(stops)


@pytest.mark.parametrize("chunk", [b"ab", 7, None, ["ab"], {"ab"}])
def test_what_is_no_chunk_is_rejected(chunk):
    matcher = StopMatcher("b")
    with pytest.raises(CallerError, match=f"a chunk is {type(chunk).__name__}, expected str"):
        matcher.feed(chunk)
    with pytest.raises(TypeError):
        matcher.state[chunk]
    assert matcher.feed("ab") == "a"


@pytest.mark.parametrize("stop", ["\ud800", "\udc00\ud800", "\0", "\u2028\n", "\U0010ffff", "e\u0301"])
def test_any_code_point_is_a_character(stop):
    for chunks in chunkings(f"<{stop[:-1]}|{stop}>"):
        matcher = StopMatcher(stop)
        assert read(matcher, chunks) == f"<{stop[:-1]}|"
        assert matcher.match.discarded == 1


@pytest.mark.parametrize("mark", string.punctuation)
def test_no_character_of_a_stop_has_a_meaning(mark):
    stops = [mark + other for other in string.punctuation]
    for stop in stops:
        assert read(StopMatcher(stops), [f"a{mark}", f"b{stop}c"]) == f"a{mark}b"
    assert read(StopMatcher(stops), ["plain", mark, " text"]) == f"plain{mark} text"


# --- the life of a matcher --------------------------------------------------------------------------------


def test_chunks_after_a_match_are_counted_and_dropped():
    matcher = StopMatcher("|")
    assert matcher.feed("ab|cd") == "ab"
    assert matcher.match == StopMatch("|", 0, 2, 2)
    assert [matcher.feed("efg"), matcher.feed(""), matcher.feed("|")] == ["", "", ""]
    assert matcher.match == StopMatch("|", 0, 2, 6)
    assert matcher.close() == ""
    assert matcher.match.discarded == 6


def test_empty_chunks_show_nothing_and_change_nothing():
    matcher = StopMatcher("STOP")
    assert [matcher.feed(chunk) for chunk in ("", "ST", "", "", "OX", "")] == ["", "", "", "", "STOX", ""]
    assert "" not in matcher.state.passing


def test_held_text_is_readable_and_released_once():
    matcher = StopMatcher("<|im_end|>")
    assert matcher.feed("a<|im") == "a"
    assert matcher.held == "<|im"
    assert [matcher.close(), matcher.close(), matcher.held] == ["<|im", "", ""]
    assert matcher.n_shown == 5


def test_a_stop_comes_out_whole_with_include():
    matcher = StopMatcher("<END>", include=True)
    assert [matcher.feed(chunk) for chunk in ("a<", "EN", "D>b")] == ["a", "", "<END>"]
    assert matcher.match == StopMatch("<END>", 0, 1, 1)


def test_matchers_of_the_same_stops_share_what_is_learnt_and_nothing_else():
    one, other = StopMatcher(["stop"]), StopMatcher(["stop"], include=True)
    third = StopMatcher(["stop"])
    assert (one.feed("a st"), other.feed("b"), third.feed("c s")) == ("a ", "b", "c ")
    assert (one.feed("op!"), other.feed("stop"), third.feed("x")) == ("", "stop", "sx")
    assert one.match == StopMatch("stop", 0, 2, 1)
    assert other.match == StopMatch("stop", 0, 1, 0)
    assert third.match is None
    assert "x" not in one.state.passing
    assert StopMatcher(["stop"]).state is third.state


# --- limits -----------------------------------------------------------------------------------------------


def remembered(matcher):
    return sum(len(state) + len(state.passing) for state in matcher._automaton._states.values())


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(stops_module, "MAX_EDGES", 50)
    matcher = StopMatcher(["<bounded>", "<b>"])
    chunks = [f"{'<b' * (number % 3 == 0)} {number}" for number in range(500)]
    for chunk in chunks:
        matcher.feed(chunk)
        assert remembered(matcher) <= 50
    assert matcher.n_shown == sum(map(len, chunks))
    assert matcher.feed("<b>") == ""
    assert matcher.match == StopMatch("<b>", 1, matcher.n_shown, 0)


def test_long_chunks_and_long_releases_are_not_remembered():
    matcher = StopMatcher("-" * 100 + ">")
    assert matcher.feed("x" * 65) == "x" * 65
    assert matcher.feed("-" * 65) == ""
    assert remembered(matcher) == 0
    assert matcher.feed("x") == "-" * 65 + "x"
    assert remembered(matcher) == 0
    assert matcher.feed("y") == "y"
    assert remembered(matcher) == 1


def test_a_long_stop_that_nearly_matches_all_the_time():
    matcher = StopMatcher("a" * 3_000 + "b")
    assert read(matcher, ["a"] * 5_000 + ["ba"]) == "a" * 2_000
    assert matcher.match == StopMatch("a" * 3_000 + "b", 0, 2_000, 1)
    assert remembered(matcher) == 3_001


def test_threads_may_share_an_automaton(monkeypatch):
    monkeypatch.setattr(stops_module, "MAX_EDGES", 20)
    chunks = [f"{number % 37} <thr" + "ead" * (number % 2) for number in range(2_000)]
    texts = []

    def work():
        texts.append(read(StopMatcher(["<thread>", "end"]), chunks))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["".join(chunks)] * 4


# --- a whole source at once -------------------------------------------------------------------------------------------


def consumed(chunks, stops, *, include=False):
    """Return what `consume` shows and returns, and the matcher."""
    matcher, shown = StopMatcher(stops, include=include), []
    text = matcher.consume(iter(chunks), shown.append)
    assert "" not in shown
    assert "".join(shown) == text
    return text, matcher


@given(st.lists(st.text("ab", max_size=4)), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3), st.booleans())
@pytest.mark.filterwarnings("ignore::streamfold.stops.UnreachableStopWarning")
def test_consume_is_feed_and_close(chunks, stops, include):
    matcher = StopMatcher(stops, include=include)
    expected = ""
    for chunk in chunks:
        if not matcher.match:
            expected += matcher.feed(chunk)
    expected += matcher.close()
    text, other = consumed(chunks, stops, include=include)
    assert (text, other.match) == (expected, matcher.match)


def test_consume_pulls_nothing_after_the_match():
    chunks = iter(["a", "EN", "Dx", "b"])
    matcher = StopMatcher("END")
    assert matcher.consume(chunks, lambda text: None) == "a"
    assert list(chunks) == ["b"]
    assert (matcher.match.offset, matcher.match.discarded) == (1, 1)


def test_consume_lets_an_exception_pass_and_can_go_on():
    matcher, shown = StopMatcher("END"), []

    def source():
        yield "ab E"
        raise TypeError("the source's own")

    with pytest.raises(TypeError, match="the source's own"):
        matcher.consume(source(), shown.append)
    assert shown == ["ab "]
    assert matcher.feed("ND") == ""
    assert matcher.match.offset == 3


@pytest.mark.parametrize("chunk", [1, None, b"a", ["a"]], ids=repr)
def test_consume_refuses_what_is_not_text(chunk):
    with pytest.raises(CallerError, match=type(chunk).__name__):
        StopMatcher("END").consume(["a", chunk], lambda text: None)
