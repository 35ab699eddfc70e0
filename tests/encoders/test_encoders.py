"""Encoders: what they say at once, what they keep exactly, and that nothing that comes in makes them raise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.wires import encoded, framing_of, seeds
from streamfold import Decoder, StreamEnd, TextDelta, fold, stream
from streamfold.detection import dialect_named
from streamfold.encoders import ENCODERS, encoder_named
from streamfold.errors import CallerError, ProviderError
from streamfold.events import Details, PartBreak, PartEnd, PartStart, ReasoningDelta, RefusalDelta, Reset, ToolCallStart
from streamfold.reply import Choice, Reply, Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, RefusalPart, TextPart, ToolCall

from ..dialects.wires import broken, sse

NAMES = pytest.mark.parametrize("name", ENCODERS)
SEALED = {
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "sig-1"},
        {"type": "redacted_thinking", "data": "blob"},
        {"type": "thinking", "thinking": "", "signature": "sig-2"},
        {"type": "text", "text": "One."},
        {"type": "text", "text": "Two.", "citations": [{"type": "char_location", "cited_text": "x"}]},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 3, "output_tokens": 9},
}


def said(name, *events):
    encoder = encoder_named(name)("id-1", "m", 1_700_000_000)
    return b"".join([encoder.feed(event) for event in events])


def events_of(wire):
    decoder = Decoder()
    return decoder.feed(wire) + decoder.close()


def folded(wire):
    return events_of(wire)[-1].reply


def ended(verdict=Verdict.COMPLETE, **values):
    return StreamEnd(Reply(verdict=verdict, **values))


def test_an_unknown_encoder_is_told_with_those_there_are():
    with pytest.raises(CallerError, match="openai_chat, openai_responses"):
        encoder_named("nonsense")


@NAMES
def test_every_encoder_has_the_name_of_a_dialect(name):
    assert name == dialect_named(name).NAME


@NAMES
def test_text_is_said_at_once(name):
    encoder = encoder_named(name)()
    for word in ("Hel", '\u2028\U0001f600"\\'):
        assert json.dumps(word, ensure_ascii=False).encode() in encoder.feed(word)
    assert b'"lo"' in encoder.feed(TextDelta("lo"))


@NAMES
def test_who_answers(name):
    reply = folded(said(name, "Hi", ended(model="m")))
    assert (reply.text, reply.verdict, reply.model) == ("Hi", Verdict.COMPLETE, "m")
    assert reply.id == (None if name == "ollama_chat" else "id-1")


@NAMES
def test_a_reply_without_content_is_one(name):
    reply = folded(said(name, ended()))
    assert (reply.text, reply.verdict, reply.dialect) == ("", Verdict.COMPLETE, name)


@NAMES
@pytest.mark.parametrize("verdict", [Verdict.TRUNCATED, Verdict.TIMED_OUT, Verdict.CANCELLED])
def test_what_was_cut_off_is_not_complete_for_the_next_reader(name, verdict):
    reply = folded(said(name, "Hi", ended(verdict)))
    assert (reply.text, reply.verdict) == (
        "Hi",
        Verdict.CANCELLED if (name, verdict) == ("ui_messages", Verdict.CANCELLED) else Verdict.TRUNCATED,
    )


@NAMES
def test_an_error_is_one(name):
    error = ProviderError("overloaded", type="overloaded_error", status=529)
    reply = folded(said(name, "Hi", ended(Verdict.ERRORED, error=error)))
    assert (reply.text, reply.verdict, reply.error.message) == ("Hi", Verdict.ERRORED, "overloaded")


@NAMES
def test_a_stop_of_ours_is_an_end(name):
    with stream(["Hello END more"], stop="END") as events:
        wire = said(name, *events)
    reply = folded(wire)
    assert (reply.text, reply.verdict) == ("Hello ", Verdict.COMPLETE)
    if name == "anthropic_messages":
        assert b'"stop_reason":"stop_sequence","stop_sequence":"END"' in wire


@NAMES
def test_what_was_said_is_taken_back_or_refused(name):
    if name == "ui_messages":
        assert b'"reset-step"' in said(name, "Hel", Reset(2, "broke off"))
    else:
        with pytest.raises(CallerError, match="take back"):
            said(name, "Hel", Reset(2, "broke off"))


def test_anthropic_keeps_every_part():
    events = events_of(json.dumps(SEALED).encode())
    reply = events[-1].reply
    again = folded(said("anthropic_messages", *events))
    assert again.parts == reply.parts
    assert again.usage.output_tokens == 9


@pytest.mark.parametrize("name", ["openai_chat", "ui_messages", "openai_responses"])
def test_seals_are_kept(name):
    reply = folded(said(name, *events_of(json.dumps(SEALED).encode())))
    seals = [(part.signature, part.redacted) for part in reply.parts if isinstance(part, ReasoningPart)]
    if name == "ui_messages":
        assert seals == [("sig-1", None), (None, "blob"), ("sig-2", None)]
    else:  # they have no more than one seal a part, or one place for all
        assert {seal for pair in seals for seal in pair if seal} >= {"blob", "sig-2"}


def test_the_signatures_of_gemini_are_kept():
    wire = encoded(next(iter(seeds("gemini", "sse"))).read_bytes(), "sse")
    events = events_of(wire.replace(b'"thoughtSignature":"x"', b'"thoughtSignature":"c2ln"'))
    again = folded(said("gemini", *events))
    signed = [(type(part), part.signature) for part in events[-1].reply.parts if getattr(part, "signature", None)]
    assert signed
    assert [(type(part), part.signature) for part in again.parts if getattr(part, "signature", None)] == signed


@NAMES
def test_an_image_is_kept_where_there_is_a_place_for_it(name):
    reply = folded(said(name, PartEnd(MediaPart("image/png", b"\x89PNG")), ended()))
    found = [part.data for part in reply.parts if isinstance(part, MediaPart)]
    assert found == ([] if name in ("anthropic_messages", "openai_responses") else [b"\x89PNG"])


@NAMES
def test_a_call_whose_name_comes_late_waits_for_it(name):
    call = ToolCall("c1", "f", '{"a":1}', complete=True)
    deltas = [
        {"index": 0, "id": "c1"},
        {"index": 0, "function": {"arguments": '{"a":1}'}},
        {"index": 0, "function": {"name": "f"}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    reply = folded(said(name, *events_of(sse(*chunks, end, "[DONE]"))))
    (found,) = reply.tool_calls
    assert (found.id, found.name, found.parse(), found.complete) == (call.id, call.name, call.parse(), True)


def test_calls_that_interleave_are_kept_apart():
    def piece(index, arguments, **values):
        call = {"index": index, "function": {"arguments": arguments, **values}}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    chunks = [piece(0, '{"a"', name="f"), piece(1, '{"b"', name="g"), piece(0, ":1}"), piece(1, ":2}")]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    events = events_of(sse(*chunks, end))
    for name in ENCODERS:
        calls = folded(said(name, *events)).tool_calls
        assert [(call.name, call.parse()) for call in calls] == [("f", {"a": 1}), ("g", {"b": 2})]


def test_a_refusal_in_words():
    refused = Choice(parts=[RefusalPart("No.")], finish_reason="stop")
    for name in ENCODERS:
        reply = folded(said(name, RefusalDelta("No."), ended(Verdict.REFUSED, choices=[refused])))
        assert reply.verdict in (Verdict.REFUSED, Verdict.FILTERED, Verdict.COMPLETE)
        assert "No." in (reply.refusal or reply.text)


def test_parts_of_other_choices_are_left_out_where_there_is_one():
    for name in ENCODERS:
        events = [
            TextDelta("a"),
            TextDelta("b", 1),
            ToolCallStart(0, "c", "f", 1),
            ended(choices=[Choice(), Choice(1)]),
        ]
        reply = folded(said(name, *events))
        assert (reply.text, len(reply.choices)) == ("a", 2 if name in ("openai_chat", "gemini") else 1)


VALUES = {seed.name: seed for seed in seeds() if framing_of(seed) == "sse"}


def values_of(seed):
    lines = seed.read_bytes().decode("utf-8", "replace").splitlines()
    found = []
    for line in lines:
        try:
            value = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


@given(st.data(), st.sampled_from(sorted(VALUES)), st.sampled_from(sorted(ENCODERS)))
def test_whatever_comes_in_is_said(data, seed, name):
    """The text survives, and nothing raises, however odd the values of the wire are."""
    events = events_of(sse(*data.draw(broken(values_of(VALUES[seed])))))
    reply = events[-1].reply
    again = folded(said(name, *events))
    refused = "" if name.startswith("openai") else reply.refusal
    if not refused:
        assert again.text == reply.text
    assert again.reasoning == reply.reasoning + reply.plan or reply.plan


ODD = st.sampled_from([None, 1, "x", [], {}, {"url": 1}, {"type": "x_location"}, {"url_citation": 3}, b"\x00"])


@given(st.sampled_from(sorted(ENCODERS)), st.lists(ODD, max_size=3), ODD)
def test_odd_details_are_said_or_left_out(name, citations, seal):
    details = [Details(TextPart, {"citations": citations}), Details(ReasoningPart, {"signature": seal or None})]
    around = [PartStart(ReasoningPart), *details, PartBreak(TextPart), ReasoningDelta("Hm"), "Hi"]
    assert folded(said(name, *around, ended())).text == "Hi"


def test_a_long_reply_is_linear():
    text = ["word "] * 20_000
    for name in ENCODERS:
        with stream(text) as events:
            wire = said(name, *events)
        assert fold([wire]).text == "".join(text)
