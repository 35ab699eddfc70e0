"""Cohere's chat and generate, version 1: what each event adds to a reply, and that the end says nothing twice."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.cohere_v1 import CohereV1
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import ServerToolCall, ServerToolResult, TextPart, ToolCall

from .wires import broken, folded, ndjson, plainly

META = {"tokens": {"input_tokens": 9, "output_tokens": 2}, "billed_units": {"input_tokens": 5, "output_tokens": 1}}
CITATION = {"start": 0, "end": 5, "text": "Hello", "document_ids": ["d"]}
DOCUMENT = {"id": "d", "snippet": "s"}
CALL = {"name": "f", "parameters": {"a": 1}}


def event(kind, **more):
    return {"is_finished": kind == "stream-end", "event_type": kind, **more}


def end(reason="COMPLETE", **response):
    return event("stream-end", finish_reason=reason, response={"generation_id": "g", "meta": META, **response})


START = event("stream-start", generation_id="g")
TEXT = [event("text-generation", text="Hel"), event("text-generation", text="lo")]
SEARCH = [
    event("search-queries-generation", search_queries=[{"text": "q", "generation_id": "x"}]),
    event("search-results", search_results=[], documents=[DOCUMENT]),
]
CITED = event("citation-generation", citations=[CITATION])
CHUNKS = [
    event("tool-calls-chunk", text="I will"),
    event("tool-calls-chunk", tool_call_delta={"index": 0, "name": "f"}),
    event("tool-calls-chunk", tool_call_delta={"index": 0, "parameters": '{"a":'}),
    event("tool-calls-chunk", tool_call_delta={"index": 0, "parameters": " 1}"}),
]
CALLED = event("tool-calls-generation", text="I will", tool_calls=[CALL])
WHOLE = {
    "text": "Hello",
    "citations": [CITATION],
    "documents": [DOCUMENT],
    "search_queries": [{"text": "q"}],
    "finish_reason": "COMPLETE",
}
SEARCHED = [
    ServerToolCall(None, "search", '{"text": "q"}', complete=True),
    ServerToolResult(None, "search", {"documents": [DOCUMENT]}),
]


def test_text_id_and_usage():
    reply = folded(ndjson(START, *TEXT, end(text="Hello")))
    assert (reply.text, reply.verdict, reply.finish_reason, reply.id) == ("Hello", Verdict.COMPLETE, "COMPLETE", "g")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.raw) == (9, 2, META)
    assert reply.anomalies == []


def test_the_end_says_nothing_twice():
    reply = folded(ndjson(START, *SEARCH, *TEXT, CITED, end(**WHOLE)))
    assert reply.parts == [*SEARCHED, TextPart("Hello", [CITATION])]


def test_the_end_says_what_is_new():
    assert folded(ndjson(START, end(**WHOLE))).parts == [*SEARCHED, TextPart("Hello", [CITATION])]


def test_reply_that_was_not_streamed():
    reply = folded(json.dumps({"generation_id": "g", "meta": META, **WHOLE}, indent=2).encode())
    assert (reply.parts[-1], reply.verdict) == (TextPart("Hello", [CITATION]), Verdict.COMPLETE)
    assert reply.finish_reason == "COMPLETE"


WAYS = {
    "in pieces": [*CHUNKS, CALLED, end(text="I will", tool_calls=[CALL])],
    "in pieces, whole at the end": [*CHUNKS, end(text="I will", tool_calls=[CALL])],
    "whole": [CALLED, end(text="I will", tool_calls=[CALL])],
    "at the end": [end(text="I will", tool_calls=[CALL])],
}


@pytest.mark.parametrize("events", WAYS.values(), ids=WAYS)
def test_tool_calls(events):
    reply = folded(ndjson(START, *events))
    assert reply.parts == [TextPart("I will"), ToolCall(None, "f", '{"a": 1}', complete=True)]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_two_tool_calls_of_one_name():
    reply = folded(ndjson(START, event("tool-calls-generation", tool_calls=[CALL, {"name": "f"}]), end()))
    assert [call.arguments for call in reply.tool_calls] == ['{"a": 1}', "{}"]


def test_generations():
    generations = [
        {"id": "a", "text": "Hello", "finish_reason": "COMPLETE"},
        {"text": "b", "finish_reason": "MAX_TOKENS"},
    ]
    response = {"id": "g", "generations": generations}
    indexed = [{**one, "index": 0} for one in TEXT]
    for wire in (
        ndjson(*indexed, event("stream-end", finish_reason="COMPLETE", response=response)),
        json.dumps(response).encode(),
    ):
        reply = folded(wire)
        assert [(c.text, c.finish_reason) for c in reply.choices] == [("Hello", "COMPLETE"), ("b", "MAX_TOKENS")]
        assert reply.id == "g"


REASONS = {
    "MAX_TOKENS": Verdict.LENGTH,
    "ERROR_LIMIT": Verdict.LENGTH,
    "ERROR_TOXIC": Verdict.FILTERED,
    "USER_CANCEL": Verdict.CANCELLED,
    "ERROR": Verdict.ERRORED,
    "never heard of": Verdict.COMPLETE,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_finish_reason(reason, verdict):
    reply = folded(ndjson(START, *TEXT, end(reason)), cuts=False)
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


def test_stream_without_an_end_is_truncated():
    assert folded(ndjson(START, *TEXT)).verdict is Verdict.TRUNCATED


def test_unknown_events_are_ignored():
    assert folded(ndjson(START, *TEXT, event("debug", prompt="p"), end())).text == "Hello"


@pytest.mark.parametrize("value", [event("stream-error", err="no", finish_reason="ERROR"), {"message": "no"}])
def test_error_in_mid_stream(value):
    reply = folded(ndjson(START, *TEXT, value))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert reply.error.message == "no"


NOT_OURS = [{}, {"event_type": "step.delta"}, {"event_type": []}, {"text": "a"}, {"message": "no"}]


@pytest.mark.parametrize("value", NOT_OURS)
def test_values_of_others(value):
    assert not CohereV1.recognises(value, "message")


PLAIN = {
    "text": (TEXT[0], True),
    "first generation": ({**TEXT[0], "index": 0}, True),
    "second generation": ({**TEXT[0], "index": 1}, False),
    "nothing": (event("text-generation", text=""), True),
    "null": (event("text-generation", text=None), False),
    "start": (START, False),
}


@pytest.mark.parametrize(("value", "is_plain"), PLAIN.values(), ids=PLAIN)
def test_plain_event(value, is_plain):
    assert plainly(CohereV1, value) is is_plain


STREAM = [START, *SEARCH, *TEXT, CITED, *CHUNKS, CALLED, end(**WHOLE, generations=[{"text": "a", "index": 1}])]


@given(broken(STREAM))
def test_broken_values_never_raise(values):
    folded(ndjson(*values), "cohere_v1", cuts=False)
    for value in values:
        if isinstance(value, dict):
            plainly(CohereV1, value)
