"""Amazon Bedrock's Converse API: what each kind of event and of block adds to a reply, and how it says no."""

import json
from base64 import b64encode

import pytest
from hypothesis import given

from streamfold.decoder import Decoder
from streamfold.dialects.bedrock_converse import BedrockConverse
from streamfold.dialects.json_dialect import NOT_PLAIN
from streamfold.errors import ProviderError
from streamfold.framing.aws_eventstream import AWSMessage
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import aws, aws_exception, broken, folded, told

START = ("messageStart", {"role": "assistant", "p": "abc"})
COUNTED = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11, "cacheReadInputTokens": 3}
METADATA = ("metadata", {"usage": COUNTED, "metrics": {"latencyMs": 1}})


def delta(index=0, **fields):
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": fields, "p": "ab"}


def start(index=0, **fields):
    return "contentBlockStart", {"contentBlockIndex": index, "start": fields}


def stop(index=0):
    return "contentBlockStop", {"contentBlockIndex": index}


def end(reason="end_turn"):
    return "messageStop", {"stopReason": reason}


def tool(*pieces, index=1, **fields):
    begin = start(index, toolUse={"toolUseId": f"t{index}", "name": "f", **fields})
    return [begin, *(delta(index, toolUse={"input": piece}) for piece in pieces), stop(index)]


TEXT = [delta(text="Hel"), delta(text="lo"), stop()]


def whole(*events, reason="end_turn", **how):
    return folded(aws(START, *events, end(reason), METADATA), **how)


def test_text_and_usage():
    reply = whole(*TEXT)
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "end_turn")
    assert reply.usage == Usage(9, 2, 11, 3, None, raw=COUNTED)


def test_json_lines():
    lines = [json.dumps({kind: value}).encode() for kind, value in [START, *TEXT, *tool("{}"), end(), METADATA]]
    reply = folded(b"\n".join(lines))
    assert (reply.text, reply.tool_calls, reply.verdict) == (
        "Hello",
        [ToolCall("t1", "f", "{}", True)],
        Verdict.TOOL_CALLS,
    )


def test_payloads_without_their_types():
    frames = [json.dumps(value).encode() for _, value in TEXT]
    decoder = Decoder(dialect="bedrock_converse", content_type="application/x-ndjson")
    decoder.feed(b"\n".join(frames) + b"\n")
    assert decoder.fold.reply.text == "Hello"


@pytest.mark.parametrize("events", [[START, *TEXT], [START, *TEXT, METADATA], [delta(text="Hello")]])
def test_no_reason_is_truncated(events):
    reply = folded(aws(*events))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.TRUNCATED)


def test_stream_that_breaks_off_inside_of_a_message():
    reply = folded(aws(START, *TEXT)[:-1])
    assert (reply.text, reply.verdict) == ("Hello", Verdict.TRUNCATED)


def test_reason_without_metadata_is_complete():
    reply = folded(aws(START, *TEXT, end()))
    assert (reply.verdict, reply.usage) == (Verdict.COMPLETE, Usage())


REASONS = {
    "end_turn": Verdict.COMPLETE,
    "stop_sequence": Verdict.COMPLETE,
    "never heard of": Verdict.COMPLETE,
    "max_tokens": Verdict.LENGTH,
    "model_context_window_exceeded": Verdict.LENGTH,
    "tool_use": Verdict.TOOL_CALLS,
    "guardrail_intervened": Verdict.FILTERED,
    "content_filtered": Verdict.FILTERED,
    "malformed_tool_use": Verdict.ERRORED,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_stop_reason(reason, verdict):
    reply = whole(*TEXT, reason=reason, cuts=False)
    assert (reply.verdict, reply.finish_reason) == (verdict, reason)


def test_model_that_a_router_chose():
    trace = {"promptRouter": {"invokedModelId": "m"}}
    assert folded(aws(START, end(), ("metadata", {"trace": trace})), cuts=False).model == "m"


# --- blocks -----------------------------------------------------------------------------------------------


def test_reasoning_and_its_signature():
    reasoning = [
        delta(reasoningContent={"text": "h"}),
        delta(reasoningContent={"text": "m"}),
        delta(reasoningContent={"text": ""}),
        delta(reasoningContent={"signature": "sig"}),
        stop(),
        delta(1, reasoningContent={"signature": "other"}),
        delta(2, reasoningContent={"redactedContent": "eA=="}),
    ]
    reply = whole(*reasoning, delta(3, text="a"))
    assert reply.parts == [
        ReasoningPart("hm", "sig"),
        ReasoningPart("", "other"),
        ReasoningPart("", redacted="eA=="),
        TextPart("a"),
    ]


def test_each_block_of_text_is_a_part():
    assert whole(*TEXT, delta(1, text="a"), delta(1, text="b")).parts == [TextPart("Hello"), TextPart("ab")]


def test_empty_block_is_no_part():
    assert whole(delta(text=""), stop(), delta(1, text="a")).parts == [TextPart("a")]


def test_citations_in_a_block_of_their_own():
    cited = [delta(1, citation={"location": {"web": {"url": "u"}}}), delta(1, citation={"title": "v"}), stop(1)]
    reply = whole(*TEXT, *cited, delta(2, text="a"))
    citations = [{"location": {"web": {"url": "u"}}}, {"title": "v"}]
    assert reply.parts == [TextPart("Hello", citations), TextPart("a")]


def test_tool_calls():
    reply = whole(*TEXT, *tool("", '{"a":', "1}"), *tool("{}", index=2), reason="tool_use")
    assert reply.tool_calls == [ToolCall("t1", "f", '{"a":1}', True), ToolCall("t2", "f", "{}", True)]


def test_tool_without_arguments():
    assert whole(*tool(""), reason="tool_use").tool_calls == [ToolCall("t1", "f", "{}", True)]


@pytest.mark.parametrize(("pieces", "arguments"), [((), ""), (('{"a":',), '{"a":')])
def test_call_that_the_length_limit_cut_is_not_complete(pieces, arguments):
    assert whole(*tool(*pieces), reason="max_tokens").tool_calls == [ToolCall("t1", "f", arguments)]


def test_tool_of_the_provider():
    result = {"toolUseId": "t1", "type": "grounding_result", "status": "success"}
    events = [*tool("{}", type="server_tool_use"), start(2, toolResult=result), delta(2, toolResult=[{"text": "a"}])]
    reply = whole(*events, delta(2, toolResult=[{"json": {}}]), stop(2), *TEXT)
    assert reply.parts == [
        ServerToolCall("t1", "f", "{}", True),
        ServerToolResult("t1", "grounding_result", {**result, "content": [{"text": "a"}, {"json": {}}]}),
        TextPart("Hello"),
    ]
    assert reply.verdict is Verdict.COMPLETE


def test_image():
    pieces = [delta(image={"source": {"bytes": b64encode(half).decode()}}) for half in (b"ab", b"cd")]
    assert whole(start(image={"format": "png"}), *pieces, stop()).parts == [MediaPart("image/png", b"abcd")]


def test_image_that_fails():
    reply = whole(start(image={"format": "png"}), delta(image={"error": {"message": "blocked"}}), stop(), cuts=False)
    assert (reply.anomalies, reply.parts) == (["the image failed: blocked"], [])


CONTENT = [
    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
    {"reasoningContent": {"redactedContent": "eA=="}},
    {"text": "Hello"},
    {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "u"}]}},
    {"image": {"format": "png", "source": {"bytes": "YQ=="}}},
    {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}},
]


def test_reply_that_was_not_streamed():
    message = {"role": "assistant", "content": CONTENT}
    reply = folded(json.dumps({"output": {"message": message}, "stopReason": "tool_use", "usage": COUNTED}).encode())
    assert reply.parts == [
        ReasoningPart("hm", "sig"),
        ReasoningPart("", redacted="eA=="),
        TextPart("Hello"),
        TextPart("ab", [{"title": "u"}]),
        MediaPart("image/png", b"a"),
        ToolCall("t1", "f", "{}", True),
    ]
    assert (reply.verdict, reply.usage.total_tokens) == (Verdict.TOOL_CALLS, 11)


def test_event_that_an_sdk_has_decoded():
    value = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": b"x"}}}}
    (redacted,) = BedrockConverse().feed_object(value)
    assert redacted.part == ReasoningPart("", redacted="eA==")


# --- errors -----------------------------------------------------------------------------------------------

EXCEPTIONS = {
    "throttlingException": (429, True),
    "serviceUnavailableException": (503, True),
    "internalServerException": (500, True),
    "modelTimeoutException": (408, True),
    "modelStreamErrorException": (424, True),
    "validationException": (400, False),
    "accessDeniedException": (403, False),
}


@pytest.mark.parametrize(("name", "wanted"), EXCEPTIONS.items())
@pytest.mark.parametrize("before", [(), TEXT], ids=["first", "after text"])
def test_exception(name, wanted, before):
    reply = folded(aws(*before) + aws_exception(name, {"message": "no"}), cuts=False)
    assert (reply.text, reply.verdict) == ("Hello" if before else "", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.type, reply.error.message) == (name, "no")
    assert (reply.error.status, reply.error.retryable) == wanted
    assert reply.error.content_delivered == bool(before)


def test_exception_in_json_lines():
    reply = folded(b'{"contentBlockDelta":{"delta":{"text":"a"}}}\n{"throttlingException":{"message":"no"}}\n')
    assert (reply.text, reply.error.type, reply.error.retryable) == ("a", "throttlingException", True)


def test_stream_error_of_the_model_with_its_own_status():
    error = {"message": "no", "originalStatusCode": 503, "originalMessage": "busy"}
    assert folded(aws_exception("modelErrorException", error), cuts=False).error.retryable


@pytest.mark.parametrize("payload", [b"", b"no", b'"no"', b"[]", b"\xff", b'{"Message":"no"}'])
def test_error_by_its_headers(payload):
    headers = {":message-type": "error", ":error-code": "InternalFailure"}
    named = headers | ({":error-message": "no"} if payload == b"" else {})
    (error,) = BedrockConverse().feed([AWSMessage(payload, named)])
    assert (error.type, error.status, error.retryable) == ("InternalFailure", 500, True)
    assert error.message == "no" or payload in (b"[]", b"\xff")


# --- what should not be -----------------------------------------------------------------------------------

SILENT = [
    ("newEvent", {"a": 1}),
    ("contentBlockDelta", {}),
    ("contentBlockDelta", {"contentBlockIndex": "0", "delta": []}),
    delta(text=None),
    delta(reasoningContent=[], toolUse=5, toolResult={}, citation="x", image=1),
    start(toolUse=[]),
    ("contentBlockStop", {"contentBlockIndex": -1}),
    ("metadata", {"usage": 5, "trace": []}),
    ("messageStop", {"stopReason": None}),
]


@pytest.mark.parametrize("event", SILENT)
def test_event_that_says_nothing(event):
    reply = whole(*TEXT, event, cuts=False)
    assert (reply.parts, reply.verdict) == ([TextPart("Hello")], Verdict.COMPLETE)


EVERYTHING = [
    {kind: value}
    for kind, value in [
        START,
        *TEXT,
        delta(1, reasoningContent={"text": "h", "signature": "s"}),
        delta(1, reasoningContent={"redactedContent": "eA=="}),
        *tool("{}", index=2),
        start(3, toolResult={"toolUseId": "t", "type": "r"}),
        delta(3, toolResult=[{"text": "a"}], citation={"title": "u"}),
        start(4, image={"format": "png"}),
        delta(4, image={"source": {"bytes": "YQ=="}, "error": {"message": "no"}}),
        stop(3),
        end(),
        METADATA,
    ]
]
EVERYTHING.append({"output": {"message": {"content": CONTENT}}, "stopReason": "end_turn"})
EVERYTHING.append({"throttlingException": {"message": "no", "originalStatusCode": 5}})


@given(broken(EVERYTHING))
def test_nothing_raises(events):
    dialect = BedrockConverse()
    for event in events:
        dialect.feed([json.dumps(event).encode()])
        for kind, payload in event.items() if isinstance(event, dict) else []:
            dialect.feed([AWSMessage(json.dumps(payload).encode(), {":event-type": kind, ":message-type": "event"})])


@given(broken([dict([TEXT[0]]), TEXT[0][1]]))
def test_short_way_is_the_long_one(events):
    for event in events:
        frame = json.dumps(event).encode()
        warm = BedrockConverse()
        warm.feed([json.dumps(TEXT[0][1]).encode()])
        try:
            short = warm.plain(frame)
        except NOT_PLAIN:
            continue
        assert told(warm.feed([frame])) == told([short] if short else [])


def test_short_way_is_taken_in_the_same_block():
    dialect = BedrockConverse()
    first, second = (json.dumps(value).encode() for _, value in TEXT[:2])
    with pytest.raises(NOT_PLAIN):
        dialect.plain(first)
    dialect.feed([first])
    assert dialect.plain(second) == "lo"
    with pytest.raises(NOT_PLAIN):
        dialect.plain(json.dumps(delta(1, text="a")[1]).encode())
