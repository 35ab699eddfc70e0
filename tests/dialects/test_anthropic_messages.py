"""Anthropic messages: what each kind of event and of block adds to a reply, and what senders get wrong."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.anthropic_messages import AnthropicMessages
from streamfold.errors import ProviderError
from streamfold.events import ReasoningDelta
from streamfold.folding.deltas import ToolCallPiece
from streamfold.reply import Verdict
from streamfold.reply.parts import ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, plainly, sse

COUNTED = {"input_tokens": 9, "cache_read_input_tokens": 3, "output_tokens": 1}
MESSAGE = {"type": "message", "id": "m1", "role": "assistant", "model": "m", "content": [], "usage": COUNTED}
START = {"type": "message_start", "message": MESSAGE}
PING = {"type": "ping"}
STOP = {"type": "message_stop"}
THINKING_COUNTED = {"output_tokens": 4, "output_tokens_details": {"thinking_tokens": 2}}


def start(block, index=0):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind, value, index=0):
    name = {"input_json_delta": "partial_json"}.get(kind, kind.removesuffix("_delta"))
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: value}}


def stop(index=0):
    return {"type": "content_block_stop", "index": index}


def end(reason="end_turn", usage=None):
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def block(content, *deltas, index=0):
    return [start(content, index), *deltas, stop(index)]


def tool(*pieces, index=0, kind="tool_use", **fields):
    content = {"type": kind, "id": f"t{index}", "name": "f", "input": {}} | fields
    return block(content, *(delta("input_json_delta", piece, index) for piece in pieces), index=index)


TEXT = block({"type": "text", "text": ""}, delta("text_delta", "Hel"), PING, delta("text_delta", "lo"))


def reply_of(*events, **how):
    return folded(sse(START, *events), **how)


def whole(*events, reason="end_turn"):
    return reply_of(*events, end(reason), STOP)


def test_text_identity_and_usage():
    reply = reply_of(*TEXT, end(usage=THINKING_COUNTED), STOP)
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "end_turn")
    assert (reply.id, reply.model) == ("m1", "m")
    assert reply.usage == Usage(9, 4, None, 3, 2, raw=COUNTED | THINKING_COUNTED)


def test_json_lines():
    wire = b"".join(json.dumps(event).encode() + b"\n" for event in [START, *TEXT, end(), STOP])
    assert folded(wire).text == "Hello"


def test_event_names_and_a_ping_first():
    wire = sse(PING, event="ping") + sse(START, event="message_start") + sse(*TEXT, end(), STOP)
    assert (folded(wire).text, folded(wire).verdict) == ("Hello", Verdict.COMPLETE)


def test_what_comes_after_the_end_is_ignored():
    assert whole(*TEXT, STOP, *TEXT).text == "Hello"


REASONS = {
    "end_turn": Verdict.COMPLETE,
    "stop_sequence": Verdict.COMPLETE,
    "pause_turn": Verdict.COMPLETE,
    "compaction": Verdict.COMPLETE,
    "never heard of": Verdict.COMPLETE,
    "max_tokens": Verdict.LENGTH,
    "model_context_window_exceeded": Verdict.LENGTH,
    "refusal": Verdict.REFUSED,
    "tool_use": Verdict.TOOL_CALLS,
    "guardrail_intervened": Verdict.FILTERED,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_stop_reason(reason, verdict):
    reply = folded(sse(START, *TEXT, end(reason), STOP), cuts=False)
    assert (reply.verdict, reply.finish_reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("details", "anomalies"),
    [
        (None, []),
        ({"type": "refusal", "category": "bio", "explanation": None}, []),
        ({"type": "refusal", "explanation": "It could do harm."}, ["the model ended with refusal: It could do harm."]),
    ],
)
def test_why_the_model_refused(details, anomalies):
    ended = end("refusal")
    ended["delta"]["stop_details"] = details
    reply = folded(sse(START, *TEXT, ended, STOP))
    assert (reply.verdict, reply.anomalies) == (Verdict.REFUSED, anomalies)


def test_neither_reason_nor_end_is_truncated():
    assert reply_of(*TEXT).verdict is Verdict.TRUNCATED


def test_end_without_a_reason_is_complete():
    assert reply_of(*TEXT, STOP).verdict is Verdict.COMPLETE


def test_reason_without_an_end_is_complete():
    assert reply_of(*TEXT, end()).verdict is Verdict.COMPLETE


# --- blocks -----------------------------------------------------------------------------------------------


def test_thinking_and_its_signature():
    thinking = block(
        {"type": "thinking", "thinking": "", "signature": ""},
        delta("thinking_delta", "h"),
        delta("thinking_delta", "m"),
        delta("signature_delta", "sig"),
    )
    reply = whole(*thinking, *TEXT)
    assert reply.parts == [ReasoningPart("hm", "sig"), TextPart("Hello")]


def test_thinking_that_is_withheld_keeps_its_own_signature():
    one = block({"type": "thinking", "thinking": ""}, delta("thinking_delta", "h"), delta("signature_delta", "a"))
    two = block({"type": "thinking", "thinking": ""}, delta("signature_delta", "b"), index=1)
    assert whole(*one, *two).parts == [ReasoningPart("h", "a"), ReasoningPart("", "b")]


def test_redacted_thinking():
    redacted = [*block({"type": "redacted_thinking", "data": "x"}), *block({"type": "redacted_thinking", "data": "y"})]
    assert whole(*redacted, *TEXT).parts[:2] == [ReasoningPart("", redacted="x"), ReasoningPart("", redacted="y")]


def test_citations_belong_to_their_own_block():
    cited = [
        start({"type": "text", "text": "", "citations": []}, 1),
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"url": "u"}}},
        delta("text_delta", " there", 1),
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"url": "v"}}},
        stop(1),
    ]
    reply = whole(*TEXT, *cited)
    assert reply.parts == [TextPart("Hello"), TextPart(" there", [{"url": "u"}, {"url": "v"}])]


def test_block_without_content_is_no_part():
    assert whole(*block({"type": "text", "text": ""}), *block({"type": "thinking", "thinking": ""})).parts == []


def test_text_in_the_start_of_its_block():
    assert whole(*block({"type": "text", "text": "Hel"}, delta("text_delta", "lo"))).text == "Hello"


SEARCH = {"type": "web_search_tool_result", "tool_use_id": "t0", "content": [{"url": "u"}]}
KEPT = {
    "result of a tool": (SEARCH, "t0"),
    "result of an MCP tool": ({"type": "mcp_tool_result", "tool_use_id": "t9", "is_error": True, "content": []}, "t9"),
    "fallback": ({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}, None),
    "upload": ({"type": "container_upload", "file_id": "f"}, None),
    "compaction, whole": ({"type": "compaction", "content": "so far"}, None),
    "never heard of": ({"type": "new", "a": 1}, None),
}


@pytest.mark.parametrize(("content", "id_"), KEPT.values(), ids=KEPT)
def test_block_that_is_kept_as_it_came(content, id_):
    assert whole(*block(content)).parts == [ServerToolResult(id_, content["type"], content)]


def test_compaction_in_a_delta():
    compacted = {"type": "compaction_delta", "content": "so far", "encrypted_content": "x"}
    reply = whole(*block({"type": "compaction", "content": None}, {**delta("text_delta", ""), "delta": compacted}))
    content = {"type": "compaction", "content": "so far", "encrypted_content": "x"}
    assert reply.parts == [ServerToolResult(None, "compaction", content)]


# --- tools ------------------------------------------------------------------------------------------------


def test_tool_calls():
    reply = whole(*tool("", '{"a":', "1}"), *tool("{}", index=1), reason="tool_use")
    assert reply.tool_calls == [ToolCall("t0", "f", '{"a":1}', True), ToolCall("t1", "f", "{}", True)]


@pytest.mark.parametrize("kind", ["server_tool_use", "mcp_tool_use"])
def test_tool_of_the_provider(kind):
    reply = whole(*tool('{"q":1}', kind=kind), *block(SEARCH, index=1), *TEXT)
    assert reply.parts == [
        ServerToolCall("t0", "f", '{"q":1}', True),
        ServerToolResult("t0", "web_search_tool_result", SEARCH),
        TextPart("Hello"),
    ]
    assert reply.verdict is Verdict.COMPLETE


def test_input_whole_in_the_start():
    assert whole(*tool(input={"a": 1}), reason="tool_use").tool_calls == [ToolCall("t0", "f", '{"a": 1}', True)]


def test_input_whole_in_the_start_of_a_block_that_is_not_stopped():
    assert whole(tool(input={"a": 1})[0], reason="tool_use").tool_calls == [ToolCall("t0", "f", '{"a": 1}', True)]


def test_input_in_the_start_and_in_pieces_counts_once():
    assert whole(*tool('{"a":', "1}", input={"a": 1})).tool_calls == [ToolCall("t0", "f", '{"a":1}', True)]


@pytest.mark.parametrize("fields", [{}, {"input": None}])
def test_tool_without_arguments(fields):
    assert whole(*tool("", **fields), reason="tool_use").tool_calls == [ToolCall("t0", "f", "{}", True)]


def test_start_without_input():
    content = {"type": "tool_use", "id": "t0", "name": "f"}  # llama.cpp
    reply = whole(*block(content, delta("input_json_delta", "{}")), reason="tool_use")
    assert reply.tool_calls == [ToolCall("t0", "f", "{}", True)]


@pytest.mark.parametrize(("pieces", "arguments"), [((), ""), (('{"a":',), '{"a":')])
def test_call_that_the_length_limit_cut_is_not_complete(pieces, arguments):
    assert whole(*tool(*pieces), reason="max_tokens").tool_calls == [ToolCall("t0", "f", arguments)]


def test_call_in_a_stream_that_breaks_off_is_not_complete():
    reply = reply_of(*tool('{"a":1}')[:-1])
    assert (reply.tool_calls, reply.verdict) == ([ToolCall("t0", "f", '{"a":1}')], Verdict.TRUNCATED)


def test_call_that_ended_before_the_stream_broke_off_is_complete():
    assert reply_of(*tool('{"a":1}')).tool_calls == [ToolCall("t0", "f", '{"a":1}', True)]


# --- messages ---------------------------------------------------------------------------------------------


CONTENT = [
    {"type": "thinking", "thinking": "hm", "signature": "sig"},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "text", "text": "Hello", "citations": [{"url": "u"}]},
    {"type": "tool_use", "id": "t3", "name": "f", "input": {"a": 1}},
    {"type": "tool_use", "id": "t4", "name": "f", "input": {}},
]
PARTS = [
    ReasoningPart("hm", "sig"),
    ReasoningPart("", redacted="x"),
    TextPart("Hello", [{"url": "u"}]),
    ToolCall("t3", "f", '{"a": 1}', True),
    ToolCall("t4", "f", "{}", True),
]


def test_reply_that_was_not_streamed():
    reply = folded(json.dumps({**MESSAGE, "content": CONTENT, "stop_reason": "tool_use"}).encode())
    assert (reply.parts, reply.verdict) == (PARTS, Verdict.TOOL_CALLS)
    assert (reply.id, reply.usage.input_tokens) == ("m1", 9)


def test_content_in_the_start_of_the_message():
    started = {"type": "message_start", "message": {**MESSAGE, "content": CONTENT[:4]}}
    reply = folded(sse(started, *tool("{}", index=0), end("tool_use"), STOP), cuts=False)
    assert reply.parts == [*PARTS[:4], ToolCall("t0", "f", "{}", True)]


def test_start_that_comes_twice():
    reply = reply_of(START, *TEXT, end(), STOP)
    assert (reply.text, len(reply.anomalies)) == ("Hello", 1)


def test_second_attempt_spliced_in():
    second = {"type": "message_start", "message": {**MESSAGE, "id": "m2"}}
    reply = whole(*tool('{"a":')[:-1], second, *tool('{"a":1}', id="t9"), reason="tool_use")
    assert reply.tool_calls == [ToolCall("t0", "f", '{"a":'), ToolCall("t9", "f", '{"a":1}', True)]
    assert (reply.id, len(reply.anomalies)) == ("m1", 1)


# --- errors -----------------------------------------------------------------------------------------------

OVERLOADED = {"type": "error", "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize("event", [None, "error"])
def test_error_in_the_stream(event):
    reply = folded(sse(START, *TEXT) + sse(OVERLOADED, event=event) + sse(STOP))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.type, reply.error.retryable, reply.error.content_delivered) == ("overloaded_error", True, True)


ERRORS = {
    "overloaded_error": True,
    "rate_limit_error": True,
    "api_error": True,
    "timeout_error": True,
    "invalid_request_error": False,
    "authentication_error": False,
}


@pytest.mark.parametrize(("kind", "retryable"), ERRORS.items())
def test_error_that_comes_first(kind, retryable):
    reply = folded(sse({"type": "error", "error": {"type": kind, "message": "no"}}, event="error"), cuts=False)
    assert (reply.error.type, reply.error.retryable, reply.error.content_delivered) == (kind, retryable, False)


# --- what should not be -----------------------------------------------------------------------------------

SILENT = [
    {"type": "new_event", "message": "x"},
    {"type": None},
    {},
    {"type": "message_start", "message": None},
    {"type": "content_block_start", "index": "0", "content_block": []},
    {"type": "content_block_delta", "index": 0, "delta": None},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "text": "x"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"]}},
    {"type": "content_block_stop"},
    {"type": "message_delta", "delta": {"stop_reason": 5}, "usage": []},
]


@pytest.mark.parametrize("event", SILENT)
def test_event_that_says_nothing(event):
    reply = folded(sse(START, *TEXT, event, end(), STOP), cuts=False)
    assert (reply.text, reply.verdict, reply.parts) == ("Hello", Verdict.COMPLETE, [TextPart("Hello")])


EVERYTHING = [
    START,
    *TEXT,
    *block({"type": "thinking", "thinking": "h"}, delta("thinking_delta", "m"), delta("signature_delta", "s"), index=1),
    *tool('{"a":', "1}", index=2),
    *tool(index=3, input={"a": 1}),
    *block({"type": "text", "text": "", "citations": [{"url": "u"}]}, index=4),
    *block({"type": "redacted_thinking", "data": "x"}, index=5),
    *block(SEARCH, index=6),
    end(usage=THINKING_COUNTED),
    {**MESSAGE, "content": CONTENT},
]


@given(broken(EVERYTHING))
def test_nothing_raises(events):
    folded(sse(*events), dialect="anthropic_messages", cuts=False)


@given(broken(EVERYTHING))
def test_short_way_is_the_long_one(events):
    for event in events:
        plainly(AnthropicMessages, event)


PLAIN = {
    "text": (delta("text_delta", "a"), "a"),
    "thinking": (delta("thinking_delta", "a"), ReasoningDelta("a")),
    "input": (delta("input_json_delta", "a", 3), ToolCallPiece(3, arguments="a")),
    "nothing": (delta("text_delta", ""), None),
}


@pytest.mark.parametrize(("event", "wanted"), PLAIN.values(), ids=PLAIN)
def test_short_way_is_taken(event, wanted):
    assert AnthropicMessages().plain(json.dumps(event).encode()) == wanted
    assert plainly(AnthropicMessages, event)
