"""The fold: deltas into events, a reply and a verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.errors import CallerError, DialectError, LimitError, ProviderError, SourceError
from streamfold.events import (
    Details,
    PartStart,
    ReasoningDelta,
    RefusalDelta,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from streamfold.folding import Fold
from streamfold.folding.choices import MAX_CHOICES
from streamfold.folding.deltas import END, Anomaly, ChoiceEnd, Identity, Logprobs, ToolCallPiece
from streamfold.reply import Verdict
from streamfold.reply.parts import ReasoningPart, RefusalPart, TextPart, ToolCall
from streamfold.reply.usage import Usage

from ..chunkings import chunkings, splits

STOP = ChoiceEnd("stop", Verdict.COMPLETE)
LENGTH = ChoiceEnd("length", Verdict.LENGTH)
TOOLS = ChoiceEnd("tool_calls", Verdict.TOOL_CALLS)
CALL = ToolCallPiece(0, "c", "f", "{}")
BROKEN = SourceError(OSError("reset"))
BAD_FRAME = DialectError("openai_chat", b"x", "not JSON")


def folded(deltas, *ending, stop=None, include_stop=False):
    """Return all that is shown of `deltas` but the last `StreamEnd`, and the reply."""
    fold = Fold(stop, include_stop=include_stop)
    *shown, end = [*fold.feed(deltas), *fold.close(*ending)]
    assert isinstance(end, StreamEnd)
    return shown, end.reply


def reply_of(deltas, *ending, **options):
    return folded(deltas, *ending, **options)[1]


# --- parts that are announced -----------------------------------------------------------------------------

SIGNED = Details(ReasoningPart, {"signature": "s"})
CITED = Details(TextPart, {"citations": [1]})
ANNOUNCED = {
    "words of its own": (["a", PartStart(TextPart), "b", "c"], [TextPart("a"), TextPart("bc")]),
    "details before its words": (["a", PartStart(TextPart), CITED, "b"], [TextPart("a"), TextPart("b", [1])]),
    "details without words": (
        [ReasoningDelta("a"), PartStart(ReasoningPart), SIGNED],
        [ReasoningPart("a"), ReasoningPart("", "s")],
    ),
    "nothing": ([PartStart(TextPart), "a", PartStart(TextPart), PartStart(ReasoningPart)], [TextPart("a")]),
}


@pytest.mark.parametrize(("deltas", "parts"), ANNOUNCED.values(), ids=ANNOUNCED)
def test_part_that_is_announced(deltas, parts):
    assert reply_of(deltas).parts == parts


# --- verdicts ---------------------------------------------------------------------------------------------

VERDICTS = {
    "finish reason": (["a", STOP], Verdict.COMPLETE),
    "end mark": (["a", END], Verdict.COMPLETE),
    "both": (["a", STOP, END], Verdict.COMPLETE),
    "neither": (["a"], Verdict.TRUNCATED),
    "nothing": ([], Verdict.TRUNCATED),
    "length": (["a", LENGTH, END], Verdict.LENGTH),
    "tool calls": ([CALL, TOOLS], Verdict.TOOL_CALLS),
    "tool calls under the reason stop": ([CALL, STOP], Verdict.TOOL_CALLS),
    "tool calls and the end mark": ([CALL, END], Verdict.TOOL_CALLS),
    "tool calls cut off": ([CALL, LENGTH], Verdict.LENGTH),
    "tool calls without an end": ([CALL], Verdict.TRUNCATED),
    "refusal": ([RefusalDelta("no"), STOP], Verdict.REFUSED),
    "refusal and the end mark": ([RefusalDelta("no"), END], Verdict.REFUSED),
    "filtered": (["a", ChoiceEnd("content_filter", Verdict.FILTERED)], Verdict.FILTERED),
    "the last reason counts": (["a", LENGTH, STOP], Verdict.COMPLETE),
    "error": (["a", ProviderError("no")], Verdict.ERRORED),
    "error after the finish reason": (["a", STOP, ProviderError("no")], Verdict.ERRORED),
    "bad frame": (["a", BAD_FRAME], Verdict.ERRORED),
    "the first choice counts": ([STOP, ChoiceEnd("length", Verdict.LENGTH, 1)], Verdict.COMPLETE),
    "only another choice ended": ([TextDelta("a"), ChoiceEnd("stop", Verdict.COMPLETE, 1)], Verdict.TRUNCATED),
}


@pytest.mark.parametrize(("deltas", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_verdict(deltas, verdict):
    assert reply_of(deltas).verdict is verdict


READERS = {
    "left before the end": (["a"], (Verdict.CANCELLED,), Verdict.CANCELLED),
    "left after the finish reason": (["a", STOP], (Verdict.CANCELLED,), Verdict.COMPLETE),
    "left after the end mark": (["a", END], (Verdict.CANCELLED,), Verdict.COMPLETE),
    "the text's own end": (["a"], (Verdict.COMPLETE,), Verdict.COMPLETE),
    "source broke": (["a"], (Verdict.ERRORED, BROKEN), Verdict.ERRORED),
}


@pytest.mark.parametrize(("deltas", "ending", "verdict"), READERS.values(), ids=READERS)
def test_what_the_stream_said_weighs_more_than_its_reader(deltas, ending, verdict):
    assert reply_of(deltas, *ending).verdict is verdict


@pytest.mark.parametrize("end", [STOP, END])
def test_source_that_breaks_after_the_end_costs_nothing(end):
    reply = reply_of(["a", end], Verdict.ERRORED, BROKEN)
    assert (reply.verdict, reply.error) == (Verdict.COMPLETE, None)
    assert reply.anomalies == ["the source raised OSError: reset, after the end of the reply"]


def test_first_error_is_kept():
    error = ProviderError("no")
    assert reply_of(["a", error, ProviderError("again")], Verdict.ERRORED, BROKEN).error is error


def test_errored_reply_always_has_an_error():
    reply = reply_of(["a", ChoiceEnd("error", Verdict.ERRORED)])
    assert reply.verdict is Verdict.ERRORED
    with pytest.raises(ProviderError, match="'error'"):
        reply.raise_for_verdict()


DELIVERED = {
    "nothing": ([], False),
    "text": (["a"], True),
    "reasoning": ([ReasoningDelta("a")], True),
    "tool call": ([CALL], True),
    "another choice": ([TextDelta("a", 1)], True),
    "only half a character": ([TextDelta("\ud83d")], True),
    "only facts": ([Identity("i", "m"), Usage(1), TextDelta("", 1)], False),
}


@pytest.mark.parametrize(("deltas", "delivered"), DELIVERED.values(), ids=DELIVERED)
def test_error_says_whether_content_came_before_it(deltas, delivered):
    assert reply_of([*deltas, ProviderError("no")]).error.content_delivered is delivered


def test_held_back_text_is_delivered_content():
    assert reply_of(["EN", ProviderError("no")], stop="END").error.content_delivered


# --- after the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", [END, ProviderError("no"), LimitError("line", 2, 1), BAD_FRAME], ids=lambda end: type(end)
)
@pytest.mark.parametrize(
    "late", ["b", TextDelta("b"), CALL, STOP, Usage(1), ReasoningDelta("b")], ids=lambda late: type(late)
)
def test_nothing_is_taken_after_the_end(end, late):
    fold = Fold()
    shown = fold.feed(["a", end, late]) + fold.feed([late])
    assert fold.ended
    assert shown == ["a"]
    assert (fold.reply.text, fold.reply.parts) == ("a", [TextPart("a")])
    assert (fold.reply.usage, fold.reply.finish_reason) == (Usage(), None)


def test_nothing_is_taken_after_close():
    fold = Fold()
    fold.feed(["a"])
    fold.close()
    assert fold.feed(["b", CALL]) == fold.close() == []
    assert fold.reply.text == "a"


def test_reply_of_a_running_stream_is_a_value():
    fold = Fold()
    fold.feed(["a", Logprobs([1])])
    early = fold.reply
    fold.feed(["b", Logprobs([2]), Anomaly("odd")])
    assert (early.verdict, early.text, early.choices[0].logprobs, early.anomalies) == (None, "a", [1], [])


# --- parts ------------------------------------------------------------------------------------------------


def test_parts_keep_their_order():
    shown, reply = folded([ReasoningDelta("h"), ReasoningDelta("m"), "a", "b", CALL, "c", RefusalDelta("no"), END])
    call = ToolCall("c", "f", "{}", complete=True)
    assert reply.parts == [ReasoningPart("hm"), TextPart("ab"), call, TextPart("c"), RefusalPart("no")]
    start = [ToolCallStart(0, "c", "f"), ToolCallDelta(0, "{}")]
    words = [ReasoningDelta("h"), ReasoningDelta("m"), "a", "b"]
    assert shown == [*words, *start, "c", RefusalDelta("no"), ToolCallEnd(0, call)]


def test_empty_words_show_nothing():
    deltas = [TextDelta(""), ReasoningDelta(""), RefusalDelta(""), END]
    assert folded(deltas)[0] == reply_of(deltas).parts == []


def test_content_after_the_finish_reason_is_kept_and_flagged():
    reply = reply_of(["a", STOP, "b", ReasoningDelta("c"), CALL])
    assert (reply.text, reply.reasoning, len(reply.tool_calls)) == ("ab", "c", 1)
    assert reply.anomalies == ["content after the finish reason (3 times)"]


def test_usage_is_overtaken_never_added():
    reply = reply_of([Usage(9, 1, raw={"a": 1}), Usage(None, 2, 11, raw={"b": 2}), Usage(reasoning_tokens=1), END])
    assert reply.usage == Usage(9, 2, 11, None, 1, raw={"a": 1, "b": 2})


def test_first_identity_is_believed():
    reply = reply_of([Identity("i"), Identity("j", "m"), Identity(fingerprint="p")])
    assert (reply.id, reply.model, reply.fingerprint) == ("i", "m", "p")


def test_anomalies_are_counted():
    assert reply_of([Anomaly("odd"), Anomaly("bad", 2), Anomaly("bad")]).anomalies == ["odd", "bad (3 times)"]


def test_choices_are_sorted_and_end_each():
    one, other = TextDelta("x", 1), ChoiceEnd("length", Verdict.LENGTH, 1)
    shown, reply = folded([one, "a", Logprobs([1], 1), STOP, one, other, END])
    assert shown == [one, "a", one]
    assert [(c.index, c.text, c.finish_reason) for c in reply.choices] == [(0, "a", "stop"), (1, "xx", "length")]
    assert reply.choices[1].logprobs == [1]


def test_tool_calls_of_choices_are_apart():
    reply = reply_of([CALL, ToolCallPiece(0, "d", "g", "{}", 1), ToolCallPiece(0, arguments=" "), END])
    assert [[call.arguments for call in choice.tool_calls] for choice in reply.choices] == [["{} "], ["{}"]]


CUT_CALLS = {
    "length, no arguments": (None, LENGTH, ToolCall("c", "f", "")),
    "length, half the arguments": ('{"a":', LENGTH, ToolCall("c", "f", '{"a":')),
    "length, whole arguments": ("{}", LENGTH, ToolCall("c", "f", "{}", complete=True)),
    "broken off": ("{}", TextDelta(""), ToolCall("c", "f", "{}")),
    "error": ("{}", ProviderError("no"), ToolCall("c", "f", "{}")),
    "no arguments": (None, TOOLS, ToolCall("c", "f", "{}", complete=True)),
}


@pytest.mark.parametrize(("arguments", "end", "call"), CUT_CALLS.values(), ids=CUT_CALLS)
def test_call_may_be_executed_only_if_it_was_whole(arguments, end, call):
    assert reply_of([ToolCallPiece(0, "c", "f", arguments), end]).tool_calls == [call]


# --- surrogates -------------------------------------------------------------------------------------------

HIGH, LOW = "\ud83d", "\ude00"
KINDS = [TextDelta, ReasoningDelta, RefusalDelta, lambda text: ToolCallPiece(0, "c", "f", text)]


def words(reply):
    return reply.text + reply.reasoning + reply.refusal + "".join(call.arguments for call in reply.tool_calls)


@pytest.mark.parametrize("kind", KINDS, ids=["text", "reasoning", "refusal", "arguments"])
def test_halves_are_joined_in_every_channel(kind):
    for pieces in chunkings(f"a{HIGH}{LOW}b"):
        assert words(reply_of(map(kind, pieces))) == "a😀b"


@pytest.mark.parametrize("kind", KINDS, ids=["text", "reasoning", "refusal", "arguments"])
def test_half_at_the_end_is_replaced_and_counted(kind):
    reply = reply_of([kind(f"a{HIGH}"), STOP])
    assert words(reply) == "a\ufffd"
    assert reply.anomalies == ["a lone surrogate replaced by U+FFFD"]


def test_halves_of_two_channels_do_not_meet():
    reply = reply_of([TextDelta(HIGH), ReasoningDelta(LOW), TextDelta(LOW), END])
    assert (reply.text, reply.reasoning) == ("😀", "\ufffd")


def test_halves_of_two_calls_of_one_index_do_not_meet():
    pieces = [ToolCallPiece(0, "c", "f", f'"{HIGH}'), ToolCallPiece(0, "d", "g", f'"{LOW}"')]
    assert [call.arguments for call in reply_of(pieces).tool_calls] == ['"\ufffd', '"\ufffd"']


def test_plain_text_follows_a_held_half():
    shown, reply = folded([TextDelta(f"a{HIGH}"), "b", "c"])
    assert shown == ["a", "\ufffdb", "c"]
    assert reply.text == "a\ufffdbc"


# --- stops ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["", [""], ["a", ""], 0, 5, [None], [b"a"]])
def test_stop_that_cannot_be_meant_is_refused(stop):
    with pytest.raises(CallerError):
        Fold(stop)


@pytest.mark.parametrize("stop", [None, [], ()])
def test_no_stops(stop):
    assert reply_of(["a", END], stop=stop).text == "a"


@pytest.mark.parametrize(("include", "text"), [(False, "a"), (True, "aEND")])
def test_stop_ends_the_fold_wherever_it_lies(include, text):
    for pieces in chunkings("aENDb"):
        shown, reply = folded(pieces, stop=["x", "END"], include_stop=include)
        assert "".join(shown) == reply.text == text
        assert (reply.verdict, reply.stop.string, reply.stop.offset, reply.stop.discarded) == ("stopped", "END", 1, 1)


def test_stops_may_come_from_an_iterator():
    reply = reply_of([TextDelta("aXb"), TextDelta("aXb", 1)], stop=iter(["X"]))
    assert [choice.text for choice in reply.choices][:1] == ["a"]


def test_late_text_is_counted_as_discarded_however_it_comes():
    fold = Fold("X")
    fold.feed(["aXb", "c", TextDelta("d"), CALL, STOP])
    fold.feed([TextDelta("e"), TextDelta("f", 1)])
    assert fold.reply.stop.discarded == 4


@pytest.mark.parametrize("ending", [(), (Verdict.CANCELLED,), (Verdict.ERRORED, BROKEN), (Verdict.TIMED_OUT,)])
def test_held_back_text_is_released_at_every_end(ending):
    shown, reply = folded(["aEN"], *ending, stop="END")
    assert shown == ["a", "EN"]
    assert reply.text == "aEN"


@pytest.mark.parametrize("between", [ReasoningDelta("r"), RefusalDelta("r"), ToolCallPiece(0, "c", "f", "")], ids=type)
def test_stop_does_not_reach_over_another_part(between):
    shown, reply = folded(["aEN", between, "Db"], stop="END")
    assert reply.text == "aENDb"
    assert shown[:3] in (["a", "EN", between], ["a", "EN", ToolCallStart(0, "c", "f")])


def test_stop_is_found_across_halves_of_a_character():
    reply = reply_of([TextDelta(f"a{HIGH}"), TextDelta(f"{LOW}b")], stop="😀")
    assert (reply.text, reply.stop.string) == ("a", "😀")


def test_each_choice_has_its_own_stop():
    deltas = [TextDelta("", 1), "aX", ReasoningDelta("r"), CALL, "b", TextDelta("cX", 1), TextDelta("d", 1)]
    reply = reply_of(deltas, stop="X")
    assert [(choice.text, choice.reasoning, choice.tool_calls) for choice in reply.choices] == [
        ("a", "", []),
        ("c", "", []),
    ]


def test_choices_are_the_same_with_and_without_stops():
    deltas = [TextDelta("a", 1), END]
    assert reply_of(deltas, stop="X").choices == reply_of(deltas).choices


# --- the callback -----------------------------------------------------------------------------------------


def test_first_callback_error_is_kept_and_all_are_counted():
    fold = Fold()
    first = ValueError("first")
    assert fold.notes.callback_failed(first)
    assert not fold.notes.callback_failed(KeyError("second"))
    assert fold.reply.callback_error.__cause__ is first
    assert fold.reply.callback_error.n_errors == 2


# --- any deltas -------------------------------------------------------------------------------------------

SAID = st.text(st.sampled_from(["a", "b", "X", "Y", HIGH, LOW]), max_size=4)
DELTAS = st.lists(
    st.text("abXY", min_size=1, max_size=4)
    | st.builds(TextDelta, SAID, st.integers(0, 1))
    | st.builds(ReasoningDelta, SAID)
    | st.builds(ToolCallPiece, st.sampled_from([None, 0, 1]), st.sampled_from([None, "c", "d"]), st.just("f"), SAID)
    | st.sampled_from([STOP, TOOLS, Usage(1), END, ProviderError("no")]),
    max_size=12,
)
STOPS = st.sampled_from([None, "X", ["XY", "bXa"], "aaa"])


def text_of(shown):
    pieces = [one.text if isinstance(one, TextDelta) and one.choice == 0 else one for one in shown]
    return "".join([piece for piece in pieces if isinstance(piece, str)])


@given(DELTAS, STOPS, st.booleans())
def test_what_is_shown_adds_up_to_the_text_at_every_moment(deltas, stop, include):
    fold = Fold(stop, include_stop=include)
    shown = fold.feed([TextDelta("")])  # so that there is a choice 0
    for delta in deltas:
        shown += fold.feed([delta])
        assert text_of(shown) == fold.reply.text
    shown += fold.close()
    assert text_of(shown) == fold.reply.text
    assert fold.reply.verdict is not None
    fold.reply.text.encode()


@given(DELTAS, STOPS)
def test_deltas_one_at_a_time_or_all_at_once(deltas, stop):
    at_once, one_by_one = Fold(stop), Fold(stop)
    shown = at_once.feed(deltas) + at_once.close()
    assert [event for delta in deltas for event in one_by_one.feed([delta])] + one_by_one.close() == shown


@given(st.text("abX", max_size=20).flatmap(splits), STOPS)
def test_text_as_str_or_as_deltas(pieces, stop):
    plain, wrapped = [folded([*kind, END], stop=stop) for kind in (filter(None, pieces), map(TextDelta, pieces))]
    assert plain == wrapped


def test_more_choices_than_the_limit_end_the_stream():
    folding = Fold(stop="END")
    folding.feed([TextDelta("a", index) for index in range(MAX_CHOICES)])
    assert not folding.ended
    folding.feed([TextDelta("b", MAX_CHOICES - 1), TextDelta("c", MAX_CHOICES), TextDelta("d", 0)])
    assert folding.ended
    folding.close()
    reply = folding.reply
    assert (reply.verdict, reply.error.limit, len(reply.choices)) == (Verdict.ERRORED, MAX_CHOICES, MAX_CHOICES)
    assert reply.choices[-1].text == "ab"
    assert str(reply.error) == "choices of 1,025 alternatives, limit 1,024"


@pytest.mark.parametrize("order", [("stop", "end"), ("end", "stop"), ("stop", "stop")])
def test_stream_ends_when_every_choice_has(order):
    ways = {"stop": lambda n: TextDelta("xEND", n), "end": lambda n: ChoiceEnd("stop", Verdict.COMPLETE, n)}
    folding = Fold(stop="END")
    folding.feed([TextDelta("a", 0), TextDelta("a", 1), ways[order[0]](0)])
    assert not folding.ended
    folding.feed([TextDelta("late", 0), ways[order[1]](1)])
    assert folding.ended
