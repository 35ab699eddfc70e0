"""Gemini's Interactions API: what each event adds to a reply, in both versions."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.gemini_interactions import GeminiInteractions
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, ndjson, plainly, sse

USAGE = {
    "total_input_tokens": 9,
    "total_output_tokens": 2,
    "total_tokens": 16,
    "total_cached_tokens": 3,
    "total_thought_tokens": 5,
}


def event(kind, index=None, **more):
    return {"event_type": kind, **({} if index is None else {"index": index}), **more}


def start(index, kind, **step):
    return event("step.start", index, step={"type": kind, **step})


def delta(index, kind, **more):
    return event("step.delta", index, delta={"type": kind, **more})


def stop(index):
    return event("step.stop", index)


def end(status="completed", **more):
    return event("interaction.completed", interaction={"id": "v", "status": status, "usage": USAGE, **more})


CREATED = event("interaction.created", interaction={"id": "v", "model": "m", "status": "in_progress"})
TEXT = [start(0, "model_output"), delta(0, "text", text="Hel"), delta(0, "text", text="lo"), stop(0)]


def reply_of(*values, **how):
    return folded(sse(CREATED, *values, end(), "[DONE]"), **how)


def parts_of(*values):
    return reply_of(*values, cuts=False).parts


def test_text_identity_and_usage():
    reply = reply_of(*TEXT)
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "completed")
    assert (reply.id, reply.model, reply.usage, reply.anomalies) == ("v", "m", Usage(9, 2, 16, 3, 5, raw=USAGE), [])


def test_lines_of_payloads():
    assert folded(ndjson(CREATED, *TEXT, end())).text == "Hello"


def test_first_version():
    reply = folded(
        sse(
            event("interaction.start", interaction={"id": "v", "model": "m", "status": "in_progress"}),
            event("content.start", 0, content={"type": "thought"}),
            event("content.delta", 0, delta={"type": "thought_summary", "content": {"type": "text", "text": "Hm"}}),
            event("content.stop", 0),
            event("content.start", 1, content={"type": "text"}),
            event("content.delta", 1, delta={"type": "text", "text": "Hello"}),
            event("content.stop", 1),
            event("content.start", 2, content={"type": "function_call"}),
            event("content.delta", 2, delta={"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}}),
            event("content.stop", 2),
            event("interaction.complete", interaction={"id": "v", "status": "requires_action", "usage": USAGE}),
        )
    )
    call = ToolCall("c", "f", '{"a": 1}', complete=True)
    assert reply.parts == [ReasoningPart("Hm"), TextPart("Hello"), call]
    assert reply.verdict is Verdict.TOOL_CALLS


def summary(index, text):
    return delta(index, "thought_summary", content={"type": "text", "text": text})


PARTS = {
    "reasoning": (
        [start(0, "thought"), summary(0, "H"), delta(0, "thought_signature", signature=""), summary(0, "m"), stop(0)],
        [ReasoningPart("Hm")],
    ),
    "signed reasoning": (
        [start(0, "thought"), summary(0, "Hm"), delta(0, "thought_signature", signature="s"), stop(0)],
        [ReasoningPart("Hm", "s")],
    ),
    "signatures alone": (
        [
            event
            for n in (0, 1)
            for event in (start(n, "thought"), delta(n, "thought_signature", signature=str(n)), stop(n))
        ],
        [ReasoningPart("", "0"), ReasoningPart("", "1")],
    ),
    "two texts": ([*TEXT, start(1, "model_output"), delta(1, "text", text="a")], [TextPart("Hello"), TextPart("a")]),
    "a step that says nothing": ([start(0, "model_output"), stop(0)], []),
    "steps that start whole": (
        [
            start(0, "user_input", content=[{"type": "text", "text": "q"}]),
            start(1, "thought", signature="s", summary=[{"type": "text", "text": "Hm"}]),
            start(2, "model_output", content=[{"type": "text", "text": "a", "annotations": [{"url": "u"}]}]),
        ],
        [ReasoningPart("Hm", "s"), TextPart("a", [{"url": "u"}])],
    ),
    "citations": (
        [*TEXT[:2], delta(0, "text_annotation_delta", annotations=[{"url": "u"}]), *TEXT[2:]],
        [TextPart("Hello", [{"url": "u"}])],
    ),
    "image": ([delta(0, "image", mime_type="image/png", data="AAAA")], [MediaPart("image/png", b"\0\0\0")]),
    "image elsewhere": (
        [delta(0, "image", uri="u")],
        [ServerToolResult(None, "image", {"type": "image", "uri": "u"})],
    ),
    "search": (
        [
            start(0, "google_search_call", id="s", arguments={}),
            delta(0, "google_search_call", arguments={"queries": ["q"]}),
            stop(0),
            start(1, "google_search_result", call_id="s"),
            delta(1, "google_search_result", result=[{"title": "t"}]),
            stop(1),
        ],
        [
            ServerToolCall("s", "google_search", '{"queries": ["q"]}', complete=True),
            ServerToolResult("s", "google_search", [{"title": "t"}]),
        ],
    ),
    "tool of a server": (
        [
            start(0, "mcp_server_tool_call", id="s", name="f", server_name="n", arguments={"a": 1}),
            stop(0),
            start(1, "mcp_server_tool_result", call_id="s", name="f", result="r"),
            stop(1),
        ],
        [ServerToolCall("s", "f", '{"a": 1}', complete=True), ServerToolResult("s", "f", "r")],
    ),
    "unknown step": ([start(0, "hologram"), delta(0, "hologram", light=1), stop(0), *TEXT], [TextPart("Hello")]),
}


@pytest.mark.parametrize(("values", "wanted"), PARTS.values(), ids=PARTS)
def test_parts(values, wanted):
    assert parts_of(*values) == wanted


def call(index=0, **more):
    return start(index, "function_call", **{"id": "c", "name": "f", "arguments": {}, **more})


CALLS = {
    "in pieces": (
        [call(), delta(0, "arguments_delta", arguments='{"a":'), delta(0, "arguments_delta", arguments="1}"), stop(0)],
        ToolCall("c", "f", '{"a":1}', complete=True),
    ),
    "no arguments": ([call(), stop(0)], ToolCall("c", "f", "{}", complete=True)),
    "whole at the start": ([call(arguments={"a": 1}), stop(0)], ToolCall("c", "f", '{"a": 1}', complete=True)),
    "said twice": (
        [call(arguments={"a": 1}), delta(0, "arguments_delta", arguments='{"a":1}'), stop(0)],
        ToolCall("c", "f", '{"a":1}', complete=True),
    ),
    "signed": ([call(signature="s"), stop(0)], ToolCall("c", "f", "{}", complete=True, signature="s")),
}


@pytest.mark.parametrize(("values", "wanted"), CALLS.values(), ids=CALLS)
def test_tool_calls(values, wanted):
    reply = folded(sse(CREATED, *values, end("requires_action")), cuts=False)
    assert (reply.parts, reply.verdict) == ([wanted], Verdict.TOOL_CALLS)


def test_two_tool_calls_of_one_name():
    first, second = (ToolCall(id, "f", "{}", complete=True) for id in "cd")
    assert parts_of(call(), stop(0), call(1, id="d"), stop(1)) == [first, second]


STEPS = [
    {"type": "thought", "signature": "s"},
    {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]},
]
STEPS += [{"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}}]


@pytest.mark.parametrize("name", ["steps", "outputs"])
def test_interaction_that_was_not_streamed(name):
    whole = {"id": "v", "model": "m", "object": "interaction", "status": "requires_action", name: STEPS, "usage": USAGE}
    reply = folded(json.dumps(whole, indent=2).encode())
    assert reply.parts == [ReasoningPart("", "s"), TextPart("Hello"), ToolCall("c", "f", '{"a": 1}', complete=True)]
    assert (reply.model, reply.verdict, reply.usage.input_tokens) == ("m", Verdict.TOOL_CALLS, 9)


def test_outputs_of_the_first_version():
    outputs = [{"type": "thought", "signature": "s"}, {"type": "text", "text": "Hello"}]
    whole = {"id": "v", "object": "interaction", "status": "completed", "outputs": outputs}
    assert folded(json.dumps(whole).encode()).parts == [ReasoningPart("", "s"), TextPart("Hello")]


def test_the_end_says_nothing_twice():
    assert folded(sse(CREATED, *TEXT, end(steps=STEPS))).parts == [TextPart("Hello")]


def test_the_end_says_what_did_not_come():
    assert folded(sse(CREATED, end(steps=STEPS))).text == "Hello"


STATUSES = {
    "incomplete": ("incomplete", Verdict.LENGTH),
    "budget_exceeded": ("budget_exceeded", Verdict.LENGTH),
    "failed": ("failed", Verdict.ERRORED),
    "cancelled": ("cancelled", Verdict.CANCELLED),
    "never heard of": ("never heard of", Verdict.COMPLETE),
    None: (None, Verdict.COMPLETE),
}


@pytest.mark.parametrize(("status", "wanted"), STATUSES.items())
def test_status(status, wanted):
    reply = folded(sse(CREATED, *TEXT, end(status)), cuts=False)
    assert (reply.finish_reason, reply.verdict) == wanted


UPDATES = {"in_progress": Verdict.TRUNCATED, "completed": Verdict.COMPLETE, "incomplete": Verdict.LENGTH}


@pytest.mark.parametrize(("status", "verdict"), UPDATES.items())
def test_stream_without_an_end(status, verdict):
    assert folded(sse(CREATED, *TEXT, event("interaction.status_update", status=status))).verdict is verdict


def test_usage_beside_events():
    usage, later = {"total_input_tokens": 9, "total_tokens": 9}, {"total_tokens": 10}
    metadata = [{**TEXT[1], "metadata": {"usage": usage}}, {**TEXT[2], "metadata": {"total_usage": later}}]
    reply = folded(sse(CREATED, TEXT[0], *metadata))
    assert (reply.text, reply.usage.input_tokens, reply.usage.total_tokens) == ("Hello", 9, 10)


ERRORS = {
    "event": event("error", error={"code": "503", "message": "no"}),
    "failed": end("failed", error={"message": "no"}),
    "step": start(1, "model_output", error={"message": "no"}),
}


@pytest.mark.parametrize("value", ERRORS.values(), ids=ERRORS)
def test_error_in_mid_stream(value):
    reply = folded(sse(CREATED, *TEXT, value))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert reply.error.message == "no"


NOT_OURS = [{}, {"event_type": "text-generation"}, {"event_type": []}, {"object": "response"}, {"type": "step.delta"}]


@pytest.mark.parametrize("value", NOT_OURS)
def test_values_of_others(value):
    assert not GeminiInteractions.recognises(value, "message")


PLAIN = {
    "text": (TEXT[1], True),
    "nothing": (delta(0, "text", text=""), True),
    "metadata": ({**TEXT[1], "metadata": {}}, False),
    "annotations": (delta(0, "text", text="a", annotations=[]), False),
    "signature": (delta(0, "thought_signature", signature="s"), False),
    "start": (TEXT[0], False),
}


@pytest.mark.parametrize(("value", "is_plain"), PLAIN.values(), ids=PLAIN)
def test_plain_event(value, is_plain):
    assert plainly(GeminiInteractions, value) is is_plain


STREAM = [
    CREATED,
    *TEXT,
    *PARTS["steps that start whole"][0],
    *PARTS["search"][0],
    *CALLS["in pieces"][0],
    *PARTS["image"][0],
]
STREAM += [*PARTS["signed reasoning"][0], {**TEXT[1], "metadata": {"usage": USAGE}}, end(steps=STEPS)]


@given(broken(STREAM))
def test_broken_values_never_raise(values):
    folded(sse(*values), "gemini_interactions", cuts=False)
    for value in values:
        if isinstance(value, dict):
            plainly(GeminiInteractions, value)
