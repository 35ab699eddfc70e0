"""The events of OpenAI's assistants into replies."""

import pytest
from hypothesis import given, settings

from streamfold.decoder import Decoder
from streamfold.reply import Verdict
from streamfold.reply.parts import RefusalPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, sse


def run(status, **fields):
    return {"id": "run", "object": "thread.run", "status": status, "model": "m", "usage": None, **fields}


def message(*content, id="msg"):
    return {
        "id": id,
        "object": "thread.message.delta",
        "delta": {"content": [{"index": 0, **part} for part in content]},
    }


def text(value, **fields):
    return {"type": "text", "text": {"value": value, **fields}}


def whole(*content, id="msg", status="completed"):
    return {"id": id, "object": "thread.message", "status": status, "content": list(content)}


def step(call, id="step"):
    details = {"type": "tool_calls", "tool_calls": [{"index": 0, **call}]}
    return {"id": id, "object": "thread.run.step.delta", "delta": {"step_details": details}}


def step_end(*calls, id="step"):
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return {"id": id, "object": "thread.run.step", "type": "tool_calls", "status": "completed", "step_details": details}


USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_token_details": {"cached_tokens": 4}}
WIRE = [
    run("queued"),
    whole(status="in_progress"),
    message(text("Hel")),
    message(text("lo", annotations=[{"type": "file_citation"}])),
    whole(text("Hello")),
    run("completed", usage=USAGE),
]


def test_text_however_it_is_cut():
    reply = folded(sse(*WIRE, "[DONE]", event="thread"))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "completed")
    assert (reply.id, reply.model, reply.usage) == ("run", "m", Usage(9, 2, 11, 4, raw=USAGE))
    assert reply.parts == [TextPart("Hello", citations=[{"type": "file_citation"}])]


def test_stream_without_its_end_is_truncated():
    assert folded(sse(*WIRE[:-1])).verdict is Verdict.TRUNCATED


def test_messages_are_parts():
    reply = folded(
        sse(WIRE[0], message(text("a")), whole(text("a")), message(text("b"), id="n"), whole(text("c"), id="o"))
    )
    assert reply.parts == [TextPart("a"), TextPart("b"), TextPart("c")]


def test_refusal_and_image():
    image = {"type": "image_file", "image_file": {"file_id": "f"}}
    reply = folded(
        sse(run("queued"), message({"type": "refusal", "refusal": "no"}, {**image, "index": 1}), run("completed"))
    )
    assert reply.parts == [RefusalPart("no"), ServerToolResult(None, "image_file", {"file_id": "f"})]
    assert reply.verdict is Verdict.REFUSED


def code(**fields):
    return {"id": "c", "type": "code_interpreter", "code_interpreter": fields}


def test_code_interpreter():
    pieces = [step(code(input="", outputs=[])), step(code(input='"a')), step(code(input='"\n'))]
    reply = folded(sse(*pieces, step_end(code(input='"a"\n', outputs=[{"type": "logs"}])), run("completed")))
    assert reply.parts == [
        ServerToolCall("c", "code_interpreter", r'{"code": "\"a\"\n"}', True),
        ServerToolResult("c", "code_interpreter", [{"type": "logs"}]),
    ]
    assert reply.verdict is Verdict.COMPLETE


def test_code_that_comes_whole():
    reply = folded(sse(run("queued"), step_end(code(input="1", outputs=[])), run("completed")))
    assert reply.parts == [ServerToolCall("c", "code_interpreter", '{"code": "1"}', True)]


def test_file_search():
    call = {"id": "c", "type": "file_search", "file_search": {}}
    reply = folded(sse(step(call), step_end({**call, "file_search": {"results": [1]}}), run("completed")))
    assert reply.parts == [ServerToolCall("c", "file_search", "{}", True), ServerToolResult("c", "file_search", [1])]


def function(arguments, **fields):
    return {"type": "function", "function": {"arguments": arguments}, **fields}


ACTION = {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]}
WAITS = run("requires_action", required_action={"type": "submit_tool_outputs", "submit_tool_outputs": ACTION})


def test_function():
    named = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [step(named), step(function('{"a"')), step(function(":1}"))]
    for wire in (pieces, []):
        reply = folded(sse(run("queued"), *wire, WAITS))
        assert (reply.tool_calls, reply.verdict) == ([ToolCall("c", "f", '{"a":1}', True)], Verdict.TOOL_CALLS)


def test_each_step_counts_its_calls_anew():
    first, second = (step({"id": id, **function("{}")}, id=id) for id in "cd")
    assert [call.id for call in folded(sse(run("queued"), first, second, WAITS)).tool_calls] == ["c", "d"]


ENDS = {
    "incomplete": ({"incomplete_details": {"reason": "max_completion_tokens"}}, Verdict.LENGTH),
    "cancelled": ({}, Verdict.CANCELLED),
    "expired": ({}, Verdict.TIMED_OUT),
    "failed": ({"last_error": {"code": "server_error", "message": "no"}}, Verdict.ERRORED),
}


@pytest.mark.parametrize("status", ENDS)
def test_end(status):
    fields, verdict = ENDS[status]
    reply = folded(sse(*WIRE[:-1], run(status, **fields)))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", verdict, status)
    assert (reply.error is not None) == (status == "failed")


def test_content_filter():
    end = run("incomplete", incomplete_details={"reason": "content_filter"})
    assert folded(sse(end)).verdict is Verdict.FILTERED


def test_error_in_mid_stream():
    reply = folded(sse(*WIRE[:3]) + sse({"message": "no", "code": "c"}, event="error"))
    assert (reply.verdict, reply.text, reply.error.message) == (Verdict.ERRORED, "Hel", "no")


def test_unknown_objects_are_passed_over():
    assert folded(sse(*WIRE[:-1], {"object": "thread"}, {"object": "thread.run.dream"}, {}, WIRE[-1])).text == "Hello"


@settings(max_examples=60)
@given(broken([*WIRE[:-1], step(code(input="1")), step_end(code(input="1")), step(function("{}")), WAITS]))
def test_nothing_on_the_wire_raises(values):
    decoder = Decoder(dialect="openai_assistants")
    decoder.feed(sse(*values))
    decoder.close()
    assert decoder.fold.reply.verdict
