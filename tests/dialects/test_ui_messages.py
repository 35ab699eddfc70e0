"""UI message stream v1 of the AI SDK: what each type of chunk adds to a reply."""

import pytest
from hypothesis import given

from streamfold import fold
from streamfold.dialects.ui_messages import UIMessages
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, plainly, sse

START = {"type": "start", "messageId": "m1", "messageMetadata": {"model": "m"}}
TEXT = [
    {"type": "text-start", "id": "0"},
    {"type": "text-delta", "id": "0", "delta": "Hel"},
    {"type": "text-delta", "id": "0", "delta": "lo"},
    {"type": "text-end", "id": "0"},
]
USAGE = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11, "cachedInputTokens": 3, "reasoningTokens": 1}
FINISH = {"type": "finish", "finishReason": "stop", "messageMetadata": {"usage": USAGE}}
CALL = [
    {"type": "tool-input-start", "toolCallId": "c", "toolName": "add", "providerMetadata": {"google": {}}},
    {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": '{"a":'},
    {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": " 2}"},
    {"type": "tool-input-available", "toolCallId": "c", "toolName": "add", "input": {"a": 2}},
]
OUTPUT = {"type": "tool-output-available", "toolCallId": "c", "output": {"sum": 2}}


def reply_of(*chunks, **how):
    return folded(sse(START, {"type": "start-step"}, *chunks, "[DONE]"), **how)


def test_text_ids_and_usage():
    reply = reply_of(*TEXT, {"type": "finish-step"}, FINISH)
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "stop")
    assert (reply.id, reply.model) == ("m1", "m")
    assert reply.usage == Usage(9, 2, 11, 3, 1, raw=USAGE)


def test_usage_of_version_6():
    usage = {"inputTokenDetails": {"cacheReadTokens": 4}, "outputTokenDetails": {"reasoningTokens": 5}}
    reply = reply_of({"type": "finish", "messageMetadata": {"totalUsage": usage}})
    assert (reply.usage.cached_tokens, reply.usage.reasoning_tokens, reply.usage.input_tokens) == (4, 5, None)


def test_usage_in_the_message_s_metadata():
    reply = reply_of(*TEXT, {"type": "message-metadata", "messageMetadata": {"usage": {"outputTokens": 2}}})
    assert reply.usage.output_tokens == 2


def test_parts_of_steps_stay_apart():
    reply = reply_of(*TEXT, {"type": "finish-step"}, {"type": "start-step"}, *TEXT, FINISH)
    assert reply.parts == [TextPart("Hello"), TextPart("Hello")]


def test_empty_part_is_none():
    assert reply_of(TEXT[0], TEXT[3], FINISH).parts == []


REASONS = {
    "length": Verdict.LENGTH,
    "content-filter": Verdict.FILTERED,
    "tool-calls": Verdict.TOOL_CALLS,
    "error": Verdict.ERRORED,
    "other": Verdict.COMPLETE,
    "unknown": Verdict.COMPLETE,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_finish_reason(reason, verdict):
    reply = reply_of(*TEXT, {"type": "finish", "finishReason": reason}, cuts=False)
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


def test_finish_without_a_reason():
    reply = folded(sse(*TEXT, {"type": "finish"}))
    assert (reply.finish_reason, reply.verdict) == (None, Verdict.COMPLETE)


def test_broken_off():
    reply = folded(sse(START, *TEXT))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.TRUNCATED)


def test_abort():
    assert reply_of(*TEXT, {"type": "abort"}).verdict is Verdict.CANCELLED


# --- reasoning and what lies beside the text -----------------------------------------------------------------------

SEALS = {
    "anthropic": ({"anthropic": {"signature": "s"}}, ReasoningPart("hm", signature="s")),
    "google": ({"google": {"thoughtSignature": "s"}}, ReasoningPart("hm", signature="s")),
    "openai": (
        {"openai": {"itemId": "rs", "reasoningEncryptedContent": "e"}},
        ReasoningPart("hm", id="rs", redacted="e"),
    ),
    "nothing": ({"openai": {"itemId": None}, "x": 5}, ReasoningPart("hm")),
}


@pytest.mark.parametrize(("metadata", "part"), SEALS.values(), ids=SEALS)
def test_reasoning_and_its_seal(metadata, part):
    start, said = {"type": "reasoning-start", "id": "r"}, {"type": "reasoning-delta", "id": "r", "delta": "hm"}
    end = {"type": "reasoning-end", "id": "r", "providerMetadata": metadata}
    assert reply_of(start, said, end, *TEXT, FINISH).parts == [part, TextPart("Hello")]


def test_redacted_reasoning():
    start = {"type": "reasoning-start", "id": "r", "providerMetadata": {"anthropic": {"redactedData": "x"}}}
    said = {"type": "reasoning-delta", "id": "q", "delta": "hm"}
    reply = reply_of({"type": "reasoning-start", "id": "q"}, said, start, {"type": "reasoning-end", "id": "r"}, FINISH)
    assert reply.parts == [ReasoningPart("hm"), ReasoningPart("", redacted="x")]


def test_text_s_signature():
    end = {**TEXT[3], "providerMetadata": {"google": {"thoughtSignature": "s"}}}
    assert reply_of(*TEXT[:3], end, FINISH).parts == [TextPart("Hello", signature="s")]


def test_sources_are_citations():
    source = {"type": "source-url", "sourceId": "s", "url": "https://example.org"}
    document = {"type": "source-document", "sourceId": "d", "mediaType": "text/plain", "title": "t"}
    reply = reply_of(*TEXT[:2], source, document, *TEXT[2:], FINISH)
    assert reply.parts == [TextPart("Hello", citations=[source, document])]


FILES = {
    "data": ("data:image/png;base64,AAEC", MediaPart("image/png", b"\0\1\2")),
    "parameters": ("data:text/plain;charset=utf-8;base64,YQ==", MediaPart("text/plain", b"a")),
}


@pytest.mark.parametrize(("url", "part"), FILES.values(), ids=FILES)
def test_file(url, part):
    assert reply_of({"type": "file", "url": url, "mediaType": "image/png"}, FINISH).parts == [part]


@pytest.mark.parametrize("url", ["https://example.org/a.png", "data:,a", "data:image/png;base64,Ü", "data:x;base64,a"])
def test_file_that_is_elsewhere(url):
    file = {"type": "file", "url": url, "mediaType": "image/png"}
    assert reply_of(file, FINISH).parts == [ServerToolResult(None, "file", file)]


def test_data_of_the_application():
    kept, passing = {"type": "data-weather", "id": "w", "data": {"c": 9}}, {"type": "data-x", "data": 1}
    reply = reply_of(kept, {**passing, "transient": True}, FINISH)
    assert reply.parts == [ServerToolResult("w", "data-weather", {"c": 9})]


def test_part_of_a_provider_s_own():
    own = {"type": "custom", "kind": "openai.compaction", "providerMetadata": {"openai": {"itemId": "c"}}}
    assert reply_of(own, FINISH).parts == [ServerToolResult(None, "openai.compaction", own)]


# --- tools ---------------------------------------------------------------------------------------------------------


def test_tool_call():
    reply = reply_of(*CALL, {"type": "finish", "finishReason": "tool-calls"})
    assert reply.parts == [ToolCall("c", "add", '{"a": 2}', complete=True)]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_tool_call_without_deltas():
    signed = {**CALL[3], "providerMetadata": {"google": {"thoughtSignature": "s"}}}
    assert reply_of(signed, FINISH).parts == [ToolCall("c", "add", '{"a": 2}', complete=True, signature="s")]


def test_tool_calls_in_each_other():
    other = [{**chunk, "toolCallId": "d"} for chunk in CALL]
    mixed = [chunk for pair in zip(CALL, other, strict=True) for chunk in pair]
    assert [(c.id, c.arguments) for c in reply_of(*mixed, FINISH).tool_calls] == [("c", '{"a": 2}'), ("d", '{"a": 2}')]


def test_tool_call_broken_off():
    reply = folded(sse(START, *CALL[:3]))
    assert reply.tool_calls == [ToolCall("c", "add", '{"a": 2}', complete=False)]


def test_tool_of_the_provider():
    own = [{**chunk, "providerExecuted": True} for chunk in CALL]
    reply = reply_of(*own, OUTPUT, *TEXT, FINISH)
    assert reply.parts[:2] == [
        ServerToolCall("c", "add", '{"a": 2}', complete=True),
        ServerToolResult("c", "add", {"sum": 2}),
    ]
    assert reply.verdict is Verdict.COMPLETE


def test_tool_that_the_backend_ran():
    reply = reply_of(*CALL, {**OUTPUT, "preliminary": True}, OUTPUT, {"type": "finish-step"}, *TEXT, FINISH)
    assert reply.tool_calls == []
    assert [type(part) for part in reply.parts] == [ServerToolCall, ServerToolResult, TextPart]
    assert reply.verdict is Verdict.COMPLETE


def test_result_of_a_call_in_an_earlier_message():
    reply = reply_of(*CALL, {**OUTPUT, "toolCallId": "earlier"}, FINISH)
    assert reply.parts[1] == ServerToolResult("earlier", "tool", {"sum": 2})
    assert len(reply.tool_calls) == 1


FAILURES = {
    "input": {"type": "tool-input-error", "toolCallId": "c", "toolName": "add", "input": "{", "errorText": "no"},
    "output": {"type": "tool-output-error", "toolCallId": "c", "errorText": "no"},
    "denied": {"type": "tool-output-denied", "toolCallId": "c"},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_tool_that_failed_is_not_to_be_executed(failure):
    reply = reply_of(*CALL[:3], failure, FINISH)
    assert reply.tool_calls == []
    error = {name: failure[name] for name in ("type", "errorText") if name in failure}
    assert reply.parts[1] == ServerToolResult("c", "add", error)


# --- errors --------------------------------------------------------------------------------------------------------

ERROR = {"type": "error", "errorText": "no"}
ENDS = {
    "finish": [{"type": "finish", "finishReason": "error", "messageMetadata": {"usage": USAGE}}, "[DONE]"],
    "done": ["[DONE]"],
    "eof": [],
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_error_in_the_stream(end):
    reply = folded(sse(START, *TEXT, ERROR, *end))
    assert (reply.text, reply.verdict, str(reply.error)) == ("Hello", Verdict.ERRORED, "no")
    assert isinstance(reply.error, ProviderError)
    assert reply.error.content_delivered
    assert reply.usage.input_tokens == (9 if len(end) == 2 else None)


def test_error_first():
    assert str(folded(sse(START, ERROR, "[DONE]")).error) == "no"


def test_error_among_objects():
    reply = fold([START, *TEXT, ERROR])
    assert (reply.text, reply.verdict, str(reply.error)) == ("Hello", Verdict.ERRORED, "no")


def test_step_that_was_taken_back():
    assert reply_of(*TEXT, {"type": "reset-step"}, *TEXT, FINISH).anomalies


@pytest.mark.parametrize("kind", ["never-heard-of", "custom", "tool-approval-request", "", None, 5, []])
def test_chunk_that_says_nothing(kind):
    assert reply_of({"type": kind, "delta": "x"}, *TEXT, FINISH, cuts=False).text == "Hello"


# --- the master properties -----------------------------------------------------------------------------------------

EVERYTHING = [
    *(START, *TEXT, *CALL, OUTPUT, *FAILURES.values(), FINISH),
    {"type": "reasoning-start", "id": "r", "providerMetadata": {"a": {"signature": "s"}}},
    {"type": "reasoning-delta", "id": "r", "delta": "hm"},
    {"type": "file", "url": "data:image/png;base64,AAEC", "mediaType": "image/png"},
    {"type": "data-x", "id": "d", "data": 5},
    {"type": "source-url", "sourceId": "s", "url": "u"},
]


@given(broken(EVERYTHING))
def test_broken_chunks_never_raise(values):
    assert folded(sse(*values), "ui_messages", cuts=False).verdict


@given(broken(EVERYTHING))
def test_short_way_says_what_the_long_one_does(values):
    assert [plainly(UIMessages, value) for value in EVERYTHING].count(True) == 2
    for value in values:
        plainly(UIMessages, value)


@pytest.mark.parametrize("first", [START, {"type": "start-step"}, TEXT[1], CALL[0], {"type": "data-x", "data": 1}])
def test_is_recognised(first):
    assert UIMessages.recognises(first, "message")


@pytest.mark.parametrize(
    "first", [{}, {"type": "error"}, {"type": 5}, {"type": "data-x"}, {"type": "response.created"}]
)
def test_is_not_recognised(first):
    assert not UIMessages.recognises(first, "message")
