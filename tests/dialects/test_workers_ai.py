"""Cloudflare's Workers AI into replies: text, and tool calls of two kinds."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.workers_ai import WorkersAI
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import ToolCall

from .wires import broken, folded, plainly, sse

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
WHOLE = [{"name": "f", "arguments": {"a": 1}}, {"name": "f", "arguments": {"a": 2}}]
PIECES = [
    [{"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": ""}}],
    [{"id": None, "index": 0, "function": {"name": None, "arguments": '{"a": 1}'}}],
]


def test_text_and_usage():
    reply = folded(sse({"response": "Hel", "p": "a"}, {"response": "lo"}, {"response": "", "usage": USAGE}, "[DONE]"))
    assert (reply.text, reply.verdict, reply.dialect) == ("Hello", Verdict.COMPLETE, "workers_ai")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (9, 2, 11)


def test_no_end_mark_is_truncated():
    assert folded(sse({"response": "Hel"})).verdict is Verdict.TRUNCATED


def test_whole_calls():
    reply = folded(sse({"response": "", "tool_calls": WHOLE}, "[DONE]"))
    assert reply.tool_calls == [ToolCall(None, "f", '{"a": 1}', True), ToolCall(None, "f", '{"a": 2}', True)]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_calls_in_pieces():
    reply = folded(sse(*({"tool_calls": piece, "p": "a"} for piece in PIECES), "[DONE]"))
    assert reply.tool_calls == [ToolCall("c", "f", '{"a": 1}', True)]


def test_not_streamed():
    said = {"response": "Hello", "tool_calls": WHOLE[:1], "usage": USAGE}
    reply = folded(json.dumps({"result": said, "success": True, "errors": []}).encode())
    assert (reply.text, len(reply.tool_calls), reply.usage.total_tokens) == ("Hello", 1, 11)
    assert reply.verdict is Verdict.TOOL_CALLS


def test_error():
    said = {"errors": [{"message": "no", "code": 3040}], "success": False, "result": None}
    reply = folded(sse({"response": "a"}, said))
    assert isinstance(reply.error, ProviderError)
    assert (reply.text, reply.error.message) == ("a", "no")


@pytest.mark.parametrize("value", [{"response": "a", "done": False}, {"response": "a", "prompt": "b"}, {"result": "a"}])
def test_others_say_response_too(value):
    assert not WorkersAI.recognises(value, "message")


def test_plain_text_is_what_it_is_to_the_long_way():
    assert plainly(WorkersAI, {"response": "a", "p": "b"})
    assert not plainly(WorkersAI, {"response": "a", "usage": USAGE})


@given(
    broken([{"response": "a"}, {"tool_calls": WHOLE}, {"result": {"response": "a", "usage": USAGE}, "success": True}])
)
def test_nothing_raises(events):
    dialect = WorkersAI()
    for event in events:
        dialect.feed([json.dumps(event).encode()])
        if isinstance(event, dict):
            dialect.recognises(event, "message")
