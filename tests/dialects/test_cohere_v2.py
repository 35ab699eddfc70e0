"""Cohere's chat, version 2: what each event adds to a reply."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.cohere_v2 import CohereV2
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import PlanPart, ReasoningPart, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, ndjson, plainly, sse

USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 1},
    "tokens": {"input_tokens": 9, "output_tokens": 2, "reasoning_tokens": 1},
    "cached_tokens": 3,
}


def event(kind, index=None, **message):
    value = {"type": kind}
    if index is not None:
        value["index"] = index
    return value | ({"delta": {"message": message}} if message else {})


def content(index=0, **words):
    return event("content-delta", index, content=words)


def call(kind, index=0, **function):
    ids = {"id": function.pop("id")} if "id" in function else {}
    return event(f"tool-call-{kind}", index, tool_calls={**ids, "type": "function", "function": function})


START = {"id": "r", **event("message-start", role="assistant", content=[], tool_plan="", tool_calls=[], citations=[])}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}
TEXT = [event("content-start", 0, content={"type": "text", "text": ""}), content(text="Hel"), content(text="lo")]


def reply_of(*values, **how):
    return folded(sse(START, *values, END, "[DONE]"), **how)


def test_text_id_and_usage():
    reply = reply_of(*TEXT, event("content-end", 0))
    assert (reply.text, reply.verdict, reply.finish_reason, reply.id) == ("Hello", Verdict.COMPLETE, "COMPLETE", "r")
    assert (reply.usage, reply.anomalies) == (Usage(9, 2, None, 3, 1, raw=USAGE), [])


def test_lines_of_payloads():
    assert folded(ndjson(START, *TEXT, END)).text == "Hello"


def test_events_with_a_name():
    wire = b"".join(sse(value, event=value["type"]) for value in (START, *TEXT, END))
    assert folded(wire).text == "Hello"


def test_usage_of_billed_units_alone():
    usage = {"billed_units": {"input_tokens": 5.0, "output_tokens": 1.5}}
    reply = folded(sse(START, {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}))
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (5, None)


def test_blocks_of_content():
    reply = reply_of(
        event("content-start", 0, content={"type": "thinking", "thinking": "H"}),
        content(thinking="m"),
        event("content-end", 0),
        event("content-end", 0),
        event("content-start", 1, content={"type": "text", "text": "a"}),
        event("content-end", 1),
        content(2, text="b"),
    )
    assert reply.parts == [ReasoningPart("Hm"), TextPart("a"), TextPart("b")]


def test_citations():
    first, second = {"start": 0, "end": 3}, {"start": 3, "end": 5}
    reply = reply_of(
        *TEXT,
        event("citation-start", 0, citations=first),
        event("citation-end", 0),
        event("citation-start", 1, citations=second),
    )
    assert reply.parts == [TextPart("Hello", [first, second])]


def test_plan_is_neither_text_nor_reasoning():
    reply = reply_of(event("tool-plan-delta", tool_plan="I "), event("tool-plan-delta", tool_plan="will"))
    assert (reply.parts, reply.plan, reply.text, reply.reasoning) == ([PlanPart("I will")], "I will", "", "")


CALLS = {
    "in pieces": (
        [
            call("start", id="c", name="f", arguments=""),
            call("delta", arguments='{"a":'),
            call("delta", arguments="1}"),
        ],
        [ToolCall("c", "f", '{"a":1}', complete=True)],
    ),
    "no arguments": ([call("start", id="c", name="f", arguments="")], [ToolCall("c", "f", "{}", complete=True)]),
    "without a start": ([call("delta", arguments="{}")], [ToolCall(None, "", "{}", complete=True)]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("pieces", "wanted"), CALLS.values(), ids=CALLS)
def test_tool_calls(pieces, wanted):
    assert reply_of(*pieces, event("tool-call-end", 0), event("tool-call-end", 7), cuts=False).tool_calls == wanted


def test_two_tool_calls():
    first = [call("start", 0, id="c", name="f"), event("tool-call-end", 0)]
    second = [call("start", 1, id="d", name="f"), event("tool-call-end", 1)]
    assert [one.id for one in reply_of(*first, *second).tool_calls] == ["c", "d"]


def test_logprobs():
    assert reply_of({**content(text="a"), "logprobs": {"token_ids": [1]}}).choices[0].logprobs == [{"token_ids": [1]}]


REASONS = {
    "COMPLETE": Verdict.COMPLETE,
    "STOP_SEQUENCE": Verdict.COMPLETE,
    "MAX_TOKENS": Verdict.LENGTH,
    "TOOL_CALL": Verdict.TOOL_CALLS,
    "ERROR": Verdict.ERRORED,
    "ERROR_TOXIC": Verdict.FILTERED,
    "TIMEOUT": Verdict.TRUNCATED,
    "never heard of": Verdict.COMPLETE,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_finish_reason(reason, verdict):
    reply = folded(sse(START, {"type": "message-end", "delta": {"finish_reason": reason}}), cuts=False)
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


@pytest.mark.parametrize("delta", [None, {}, {"finish_reason": None}, 5])
def test_end_without_a_reason(delta):
    reply = folded(sse(START, *TEXT, {"type": "message-end", "delta": delta}))
    assert (reply.text, reply.finish_reason, reply.verdict) == ("Hello", None, Verdict.COMPLETE)


def test_stream_without_an_end_is_truncated():
    assert folded(sse(START, *TEXT)).verdict is Verdict.TRUNCATED


def test_unknown_events_are_ignored():
    assert reply_of(*TEXT, {"type": "debug", "prompt": "p"}, {"type": "hologram-start"}).verdict is Verdict.COMPLETE


ERRORS = {
    "at the end": {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no"}},
    "bare": {"message": "no"},
    "typed": {"type": "error", "error": {"message": "no"}},
}


@pytest.mark.parametrize("value", ERRORS.values(), ids=ERRORS)
def test_error_in_mid_stream(value):
    reply = folded(sse(START, *TEXT, value))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert reply.error.message == "no"


WHOLE = {
    "id": "r",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "tool_plan": "I will",
        "content": [
            {"type": "thinking", "thinking": "Hm"},
            {"type": "text", "text": "a"},
            {"type": "text", "text": "b"},
        ],
        "citations": [{"start": 0}],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    "usage": USAGE,
}


@pytest.mark.parametrize("indent", [None, 2])
def test_reply_that_was_not_streamed(indent):
    reply = folded(json.dumps(WHOLE, indent=indent).encode())
    text = [TextPart("a"), TextPart("b", [{"start": 0}])]
    assert reply.parts == [PlanPart("I will"), ReasoningPart("Hm"), *text, ToolCall("c", "f", "{}", complete=True)]
    assert (reply.id, reply.verdict, reply.usage.input_tokens) == ("r", Verdict.TOOL_CALLS, 9)


NOT_OURS = [
    {},
    {"type": "message_start"},
    {"type": []},
    {"type": "error"},
    {"message": "no"},
    {"message": {}, "done": True},
]


@pytest.mark.parametrize("value", NOT_OURS)
def test_values_of_others(value):
    assert not CohereV2.recognises(value, "message")


PLAIN = {
    "text": (content(text="a"), True),
    "reasoning": (content(thinking="a"), True),
    "nothing": (content(text=""), True),
    "both": (content(text="a", thinking="b"), False),
    "null": (content(text=None), False),
    "logprobs": ({**content(text="a"), "logprobs": {}}, False),
    "start": (TEXT[0], False),
    "plan": (event("tool-plan-delta", tool_plan="a"), False),
}


@pytest.mark.parametrize(("value", "is_plain"), PLAIN.values(), ids=PLAIN)
def test_plain_event(value, is_plain):
    assert plainly(CohereV2, value) is is_plain


STREAM = [START, *TEXT, event("content-end", 0), event("citation-start", 0, citations={"start": 0})]
STREAM += [event("tool-plan-delta", tool_plan="a"), call("start", id="c", name="f"), call("delta", arguments="{}")]
STREAM += [event("tool-call-end", 0), {**content(text="a"), "logprobs": {"logprobs": [1]}}, WHOLE, END]


@given(broken(STREAM))
def test_broken_values_never_raise(values):
    folded(sse(*values), "cohere_v2", cuts=False)
    for value in values:
        if isinstance(value, dict):
            plainly(CohereV2, value)
