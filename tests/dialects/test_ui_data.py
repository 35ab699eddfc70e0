"""Data stream v1 of the AI SDK: what each prefix adds to a reply."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.ui_data import UIData
from streamfold.errors import DialectError, LimitError, ProviderError
from streamfold.framing.prefixed_lines import PrefixedLine
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded

USAGE = {"promptTokens": 9, "completionTokens": 2}
START = ["f", {"messageId": "m1"}]
TEXT = [["0", "Hel"], ["0", "lo"]]
CALL = [
    ["b", {"toolCallId": "c", "toolName": "add"}],
    ["c", {"toolCallId": "c", "argsTextDelta": '{"a":'}],
    ["c", {"toolCallId": "c", "argsTextDelta": " 2}"}],
    ["9", {"toolCallId": "c", "toolName": "add", "args": {"a": 2}}],
]
RESULT = ["a", {"toolCallId": "c", "result": {"sum": 2}}]
STEP = ["e", {"finishReason": "stop", "usage": {"promptTokens": 1, "completionTokens": 1}, "isContinued": False}]
FINISH = ["d", {"finishReason": "stop", "usage": USAGE}]


def wire(*lines):
    return "".join(f"{prefix}:{json.dumps(value)}\n" for prefix, value in lines).encode()


def reply_of(*lines, **how):
    return folded(wire(START, *lines), **how)


def test_text_id_and_usage():
    reply = reply_of(*TEXT, STEP, FINISH)
    assert (reply.text, reply.verdict, reply.finish_reason, reply.id) == ("Hello", Verdict.COMPLETE, "stop", "m1")
    assert reply.usage == Usage(9, 2, raw=USAGE)


def test_end_of_a_step_is_none_of_the_reply():
    assert reply_of(*TEXT, STEP).verdict is Verdict.TRUNCATED


def test_steps_part_the_text_unless_continued():
    continued = ["e", {"finishReason": "length", "isContinued": True}]
    reply = reply_of(*TEXT, continued, *TEXT, STEP, START, *TEXT, STEP, FINISH)
    assert reply.parts == [TextPart("HelloHello"), TextPart("Hello")]


def test_usage_that_is_not_known():
    reply = reply_of(["d", {"finishReason": "stop", "usage": {"promptTokens": None, "completionTokens": 2}}])
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (None, 2)


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [("length", "length"), ("content-filter", "filtered"), ("tool-calls", "tool_calls"), ("other", "complete")],
)
def test_finish_reason(reason, verdict):
    assert reply_of(["d", {"finishReason": reason}], cuts=False).verdict == verdict


def test_reasoning():
    lines = [["g", "h"], ["g", "m"], ["j", {"signature": "s"}], ["i", {"data": "x"}], ["g", "so"], *TEXT, FINISH]
    assert reply_of(*lines).parts == [
        ReasoningPart("hm", signature="s"),
        ReasoningPart("", redacted="x"),
        ReasoningPart("so"),
        TextPart("Hello"),
    ]


def test_source_and_file():
    source = {"sourceType": "url", "url": "https://example.org"}
    reply = reply_of(*TEXT, ["h", source], ["k", {"data": "AAEC", "mimeType": "image/png"}], FINISH)
    assert reply.parts == [TextPart("Hello", citations=[source]), MediaPart("image/png", b"\0\1\2")]


def test_message_of_an_assistant():
    parts = [{"type": "text", "text": {"value": "Hello"}}]
    assert reply_of(["4", {"id": "a", "role": "assistant", "content": parts}], FINISH).text == "Hello"


@pytest.mark.parametrize("lines", [CALL, CALL[3:], [CALL[0], CALL[3]]])
def test_tool_call(lines):
    reply = reply_of(*lines, ["d", {"finishReason": "tool-calls"}])
    assert reply.tool_calls == [ToolCall("c", "add", '{"a": 2}', complete=True)]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_tool_that_the_backend_ran():
    reply = reply_of(*CALL, RESULT, STEP, START, *TEXT, STEP, FINISH)
    assert reply.parts == [
        ServerToolCall("c", "add", '{"a": 2}', complete=True),
        ServerToolResult("c", "add", {"sum": 2}),
        TextPart("Hello"),
    ]
    assert reply.verdict is Verdict.COMPLETE


ENDS = {"finish": [["e", {}], ["d", {"finishReason": "error", "usage": USAGE}]], "eof": []}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_error_in_the_stream(end):
    reply = reply_of(*TEXT, ["3", "no"], *end)
    assert (reply.text, reply.verdict, str(reply.error)) == ("Hello", Verdict.ERRORED, "no")
    assert isinstance(reply.error, ProviderError)
    assert reply.finish_reason == ("error" if end else None)


def test_broken_off_in_a_line():
    reply = folded(wire(START, *TEXT) + b'0:"wor')
    assert (reply.text, reply.verdict) == ("Hello", Verdict.TRUNCATED)
    assert reply.leftover.endswith(b'"wor')


def test_line_that_is_no_json():
    (error,) = UIData().feed([PrefixedLine("0", b"no")])
    assert isinstance(error, DialectError)


def test_error_of_the_framing_passes():
    error = LimitError("line", 2, 1)
    assert UIData().feed([error]) == [error]


def test_invalid_utf_8_is_counted():
    reply = folded(wire(START) + b'0:"a\xff"\n' + wire(FINISH))
    assert reply.text == "a\ufffd"
    assert reply.anomalies


def test_half_characters_are_joined():
    assert reply_of(["0", "\ud83d"], ["0", "\ude00"], FINISH).text == "😀"


@pytest.mark.parametrize("line", [["2", [{"x": 1}]], ["8", [1]], ["z", {}], ["0", ""], ["0", None], ["0", {"a": 1}]])
def test_line_that_says_nothing(line):
    assert reply_of(line, *TEXT, FINISH, cuts=False).parts == [TextPart("Hello")]


EVERYTHING = [
    *(START, *TEXT, *CALL, RESULT, STEP, FINISH),
    *(["g", "h"], ["j", {"signature": "s"}], ["i", {"data": "x"}], ["h", {"url": "u"}]),
    *(["k", {"data": "AAEC", "mimeType": "image/png"}], ["4", {"content": [{"text": {"value": "a"}}]}], ["3", "no"]),
]


@given(broken([value for _, value in EVERYTHING]))
def test_broken_payloads_never_raise(values):
    lines = [[prefix, value] for (prefix, _), value in zip(EVERYTHING, values, strict=True)]
    assert folded(wire(*lines), "ui_data", cuts=False).verdict


@pytest.mark.parametrize("first", ["0", "2", "8", "9", "b", "d", "f", "g"])
def test_is_recognised(first):
    assert UIData.recognises({}, first)


@pytest.mark.parametrize("event", ["message", "error", "output", ""])
def test_is_not_recognised(event):
    assert not UIData.recognises({}, event)
