"""Gemini's generateContent: what each kind of part, and what is beside the parts, adds to a reply."""

import base64
import json

import pytest
from hypothesis import given

import streamfold
from streamfold.decoder import Decoder
from streamfold.dialects.gemini import Gemini
from streamfold.errors import ProviderError
from streamfold.folding.deltas import Identity
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart, ToolCall
from streamfold.reply.usage import Usage

from .wires import broken, folded, ndjson, plainly, sse

USAGE = {
    "promptTokenCount": 9,
    "candidatesTokenCount": 2,
    "totalTokenCount": 16,
    "cachedContentTokenCount": 3,
    "thoughtsTokenCount": 5,
}


def chunk(*parts, **candidate):
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": 0, **candidate}]}


def text(words, **more):
    return {"text": words, **more}


def thought(words, **more):
    return text(words, thought=True, **more)


FIRST = {**chunk(text("Hel")), "modelVersion": "m", "responseId": "r"}
LAST = {**chunk(text("lo"), finishReason="STOP"), "usageMetadata": USAGE}


def parts_of(*parts):
    return folded(sse(*(chunk(part) for part in parts), chunk(finishReason="STOP")), cuts=False).parts


FRAMINGS = {
    "sse": sse(FIRST, LAST),
    "sse with CRLF": sse(FIRST, LAST).replace(b"\n", b"\r\n"),
    "json array": json.dumps([FIRST, LAST], indent=1).encode(),
    "json lines": ndjson(FIRST, LAST),
}


@pytest.mark.parametrize("wire", FRAMINGS.values(), ids=FRAMINGS)
def test_text_identity_and_usage(wire):
    reply = folded(wire)
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "STOP")
    assert (reply.id, reply.model, reply.usage, reply.anomalies) == ("r", "m", Usage(9, 2, 16, 3, 5, raw=USAGE), [])


def test_reply_that_was_not_streamed():
    reply = folded(json.dumps({**LAST, "modelVersion": "m"}, indent=2).encode())
    assert (reply.text, reply.model, reply.verdict) == ("lo", "m", Verdict.COMPLETE)


def test_response_that_is_wrapped():
    reply = folded(sse({"response": FIRST, "traceId": "t"}, {"response": LAST}))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


def test_usage_is_cumulative_and_may_come_late():
    first, second = {"promptTokenCount": 9, "totalTokenCount": 9}, {"candidatesTokenCount": 2, "totalTokenCount": 11}
    reply = folded(sse({**FIRST, "usageMetadata": first}, chunk(text("lo")), LAST | {"usageMetadata": second}))
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (9, 2, 11)


@pytest.mark.parametrize("cut", [[FIRST], [FIRST, chunk(text("x"))], [{"usageMetadata": USAGE}]])
def test_stream_without_a_finish_reason_is_truncated(cut):
    assert folded(sse(*cut)).verdict is Verdict.TRUNCATED


PARTS = {
    "reasoning, then text": ([thought("Hm"), text("a"), text("b")], [ReasoningPart("Hm"), TextPart("ab")]),
    "signed text ends": (
        [text("a"), text("b", thoughtSignature="s"), text("c")],
        [TextPart("ab", signature="s"), TextPart("c")],
    ),
    "signature in an empty text": ([text("a"), text("", thoughtSignature="s")], [TextPart("a", signature="s")]),
    "signature without words": (
        [thought("a"), text("", thoughtSignature="s")],
        [ReasoningPart("a"), TextPart("", signature="s")],
    ),
    "signatures one after the other": (
        [thought("", thoughtSignature="s"), thought("", thoughtSignature="t")],
        [ReasoningPart("", signature="s"), ReasoningPart("", signature="t")],
    ),
    "signed reasoning": (
        [thought("a", thoughtSignature="s"), thought("b")],
        [ReasoningPart("a", "s"), ReasoningPart("b")],
    ),
    "code": (
        [
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        ],
        [
            ServerToolCall(None, "code_execution", '{"language": "PYTHON", "code": "1"}', complete=True),
            ServerToolResult(None, "code_execution", {"outcome": "OUTCOME_OK", "output": "1"}),
        ],
    ),
    "tool of Google's own": (
        [
            {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "args": {"q": "x"}}},
            {"toolResponse": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "response": {"a": 1}}},
        ],
        [
            ServerToolCall("t", "GOOGLE_SEARCH_WEB", '{"q": "x"}', complete=True),
            ServerToolResult("t", "GOOGLE_SEARCH_WEB", {"a": 1}),
        ],
    ),
    "image": (
        [{"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"\xff\xfe").decode()}}],
        [MediaPart("image/png", b"\xff\xfe")],
    ),
    "image in the other alphabet": ([{"inlineData": {"data": "__4"}}], [MediaPart("", b"\xff\xfe")]),
    "image that is none": ([{"inlineData": {"data": 5}}], [ServerToolResult(None, "media", {"data": 5})]),
    "file": ([{"fileData": {"fileUri": "gs://a"}}], [ServerToolResult(None, "file", {"fileUri": "gs://a"})]),
    "function's response": (
        [{"functionResponse": {"id": "c", "name": "f", "response": {}}}],
        [ServerToolResult("c", "f", {"id": "c", "name": "f", "response": {}})],
    ),
    "transcript of a sound": (
        [{"audioTranscription": {"text": "Hi"}}],
        [ServerToolResult(None, "audio_transcription", {"text": "Hi"})],
    ),
    "unknown part": ([{"hologram": {}}, text("a")], [TextPart("a")]),
    "nothing": ([{}, text(""), text(None), {"functionCall": {}}, {"functionCall": None}], []),
}


@pytest.mark.parametrize(("parts", "wanted"), PARTS.values(), ids=PARTS)
def test_parts(parts, wanted):
    assert parts_of(*parts) == wanted


def call(**fields):
    return {"functionCall": fields}


CALLS = {
    "whole": ([call(name="f", args={"a": 1}, id="c")], [ToolCall("c", "f", '{"a": 1}', complete=True)]),
    "signed": ([call(name="f") | {"thoughtSignature": "s"}], [ToolCall(None, "f", "{}", complete=True, signature="s")]),
    "the same twice": ([call(name="f", args={})] * 2, [ToolCall(None, "f", "{}", complete=True)] * 2),
    "value by value": (
        [
            call(name="f", willContinue=True),
            call(partialArgs=[{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}], willContinue=True),
            call(partialArgs=[{"jsonPath": "$.a", "stringValue": "y"}], willContinue=True),
            call(),
            call(name="g", partialArgs=[{"jsonPath": "$.b", "boolValue": True}]),
        ],
        [ToolCall(None, "f", '{"a":"xy"}', complete=True), ToolCall(None, "g", '{"b":true}', complete=True)],
    ),
    "cut off": (
        [
            call(
                name="f", partialArgs=[{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}], willContinue=True
            )
        ],
        [ToolCall(None, "f", '{"a":"x')],
    ),
}


@pytest.mark.parametrize(("parts", "wanted"), CALLS.values(), ids=CALLS)
def test_tool_calls(parts, wanted):
    assert parts_of(*parts) == wanted


def test_tool_call_makes_the_verdict():
    assert folded(sse(chunk(call(name="f"), finishReason="STOP"))).verdict is Verdict.TOOL_CALLS


def test_partial_argument_that_cannot_be_written():
    parts = [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a", "numberValue": 2}]
    reply = folded(sse(chunk(call(name="f", partialArgs=parts), finishReason="STOP")))
    assert reply.tool_calls == [ToolCall(None, "f", '{"a":1')]
    assert reply.anomalies == ["a partial argument that cannot be written: the value is already written"]


def test_what_the_text_rests_on():
    grounding, pages = {"groundingChunks": [{"web": {"uri": "u"}}]}, {"urlMetadata": [{"retrievedUrl": "u"}]}
    reply = folded(
        sse(
            chunk(text("a"), citationMetadata={"citations": [{"uri": "v"}]}, groundingMetadata={}),
            chunk(text("b"), citationMetadata={"citationSources": [{"uri": "w"}]}, groundingMetadata=grounding),
            chunk(finishReason="STOP", groundingMetadata=grounding, urlContextMetadata=pages),
        )
    )
    assert reply.parts == [TextPart("ab", [{"uri": "v"}, {"uri": "w"}, grounding, pages])]


def test_logprobs():
    result = {"chosenCandidates": [{"token": "a"}], "topCandidates": [{"candidates": [{"token": "b"}]}]}
    reply = folded(sse(chunk(text("a"), logprobsResult=result, finishReason="STOP")))
    assert reply.choices[0].logprobs == [{"token": "a", "topCandidates": [{"token": "b"}]}]


def test_several_candidates():
    second = {"content": {"parts": [text("b")]}, "index": 1, "finishReason": "MAX_TOKENS"}
    reply = folded(sse({"candidates": [second, {"content": {"parts": [text("a")]}, "finishReason": "STOP"}]}))
    assert [(c.index, c.text, c.finish_reason) for c in reply.choices] == [(0, "a", "STOP"), (1, "b", "MAX_TOKENS")]


REASONS = {
    "STOP": ("STOP", Verdict.COMPLETE),
    "MAX_TOKENS": ("MAX_TOKENS", Verdict.LENGTH),
    "SAFETY": ("SAFETY", Verdict.FILTERED),
    "MALFORMED_FUNCTION_CALL": ("MALFORMED_FUNCTION_CALL", Verdict.ERRORED),
    "OTHER": ("OTHER", Verdict.ERRORED),
    "never heard of": ("never heard of", Verdict.COMPLETE),
    "FINISH_REASON_UNSPECIFIED": (None, Verdict.TRUNCATED),
    1: ("STOP", Verdict.COMPLETE),
    2: ("MAX_TOKENS", Verdict.LENGTH),
    7: ("BLOCKLIST", Verdict.FILTERED),
    99: ("99", Verdict.COMPLETE),
    0: (None, Verdict.TRUNCATED),
    None: (None, Verdict.TRUNCATED),
    "": (None, Verdict.TRUNCATED),
}


@pytest.mark.parametrize(("reason", "wanted"), REASONS.items())
def test_finish_reason(reason, wanted):
    reply = folded(sse(chunk(text("a"), finishReason=reason)), cuts=False)
    assert (reply.finish_reason, reply.verdict) == wanted


def test_numbers_are_others_on_vertex():
    reply = folded(sse({**chunk(text("a"), finishReason=7), "createTime": "2026-01-01T00:00:00Z"}))
    assert reply.finish_reason == "PROHIBITED_CONTENT"


def test_message_beside_a_bad_reason():
    bad = chunk(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="print(f(")
    reply = folded(sse(FIRST, bad))
    assert reply.anomalies == ["the model ended with MALFORMED_FUNCTION_CALL: print(f("]
    assert isinstance(reply.error, ProviderError)


BLOCKED = {
    "reason": ({"blockReason": "SAFETY"}, "the prompt was blocked: SAFETY"),
    "message": ({"blockReason": "OTHER", "blockReasonMessage": "why"}, "the prompt was blocked: OTHER: why"),
    "number": ({"blockReason": 1}, "the prompt was blocked: SAFETY"),
}


@pytest.mark.parametrize(("feedback", "sentence"), BLOCKED.values(), ids=BLOCKED)
def test_blocked_prompt(feedback, sentence):
    reply = folded(sse({"promptFeedback": feedback, "usageMetadata": USAGE}))
    assert (reply.verdict, reply.finish_reason, reply.anomalies) == (Verdict.FILTERED, None, [sentence])


def test_feedback_that_blocks_nothing():
    reply = folded(sse({**FIRST, "promptFeedback": {"safetyRatings": []}}, LAST))
    assert (reply.verdict, reply.anomalies) == (Verdict.COMPLETE, [])


ERROR = {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}
ERRORS = {
    "event": sse(FIRST, ERROR),
    "bare between events": sse(FIRST) + json.dumps(ERROR, indent=2).encode(),
    "wrapped in an event": sse(FIRST, [ERROR]),
    "element": json.dumps([FIRST, ERROR]).encode(),
    "line": ndjson(FIRST, ERROR),
    "beside content": sse({**FIRST, **ERROR}),
}


@pytest.mark.parametrize("wire", ERRORS.values(), ids=ERRORS)
def test_error_after_content(wire):
    reply = folded(wire)
    assert (reply.text, reply.verdict) == ("Hel", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.message, reply.error.status, reply.error.retryable) == ("no", 503, True)


@pytest.mark.parametrize(
    "wire", [json.dumps([ERROR], indent=2).encode(), json.dumps(ERROR, indent=2).encode(), sse([ERROR])]
)
def test_error_alone(wire):
    reply = folded(wire)
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, ProviderError)
    assert reply.error.message == "no"


def test_objects_of_the_client():
    value = {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "a", "thought_signature": "s"},
                        {"function_call": {"name": "f"}},
                        {"inline_data": {"mime_type": "image/png", "data": b"x"}},
                    ]
                },
                "finish_reason": "STOP",
            }
        ],
        "usage_metadata": {"prompt_token_count": 9},
        "model_version": "m",
    }
    assert Gemini.recognises(value, "message")
    decoder = Decoder()
    decoder.fold.feed(Gemini().feed_object(value))
    reply = decoder.fold.reply
    assert reply.parts[0] == TextPart("a", signature="s")
    assert (reply.model, reply.usage.input_tokens, reply.parts[2]) == ("m", 9, MediaPart("image/png", b"x"))


NOT_OURS = [
    {},
    {"candidates": []},
    {"candidates": [5]},
    {"type": "ping"},
    {"choices": []},
    ERROR,
    {"usageMetadata": None},
]


@pytest.mark.parametrize("value", NOT_OURS)
def test_values_of_others(value):
    assert not Gemini.recognises(value, "message")


# --- the typed way and the untyped one --------------------------------------------------------------------


def named():
    """Return a dialect that knows who answers."""
    dialect = Gemini()
    dialect.is_named = True
    return dialect


PLAIN = {
    "text": (FIRST, True),
    "reasoning": (chunk(thought("a")), True),
    "empty text": (chunk(text("")), True),
    "usage": ({**FIRST, "usageMetadata": USAGE}, True),
    "empty text and usage": ({**chunk(text("")), "usageMetadata": USAGE}, True),
    "safety ratings": (chunk(text("a"), safetyRatings=[{}]), True),
    "finish reason": (LAST, False),
    "signature": (chunk(text("a", thoughtSignature="s")), False),
    "two parts": (chunk(text("a"), text("b")), False),
    "second candidate": (chunk(text("a"), index=1), False),
    "feedback": ({**FIRST, "promptFeedback": {"blockReason": "SAFETY"}}, False),
    "grounding": (chunk(text("a"), groundingMetadata={"a": 1}), False),
    "error": ({**FIRST, **ERROR}, False),
    "call": (chunk(call(name="f")), False),
    "text and more": (chunk({"text": "a", "executableCode": {"code": "1"}}), False),
}


@pytest.mark.parametrize(("value", "is_plain"), PLAIN.values(), ids=PLAIN)
def test_plain_chunk(value, is_plain):
    assert plainly(named, value) is is_plain


def counted(text_, **report):
    return {**chunk(text(text_)), "modelVersion": "m", "usageMetadata": report or None}


def test_usage_in_every_chunk():
    """Of reports in a row the last one counts; with what others said, it is merged field by field."""
    first = counted("a", promptTokenCount=9, cachedContentTokenCount=4, totalTokenCount=9)
    middle = [counted(f"{n}", candidatesTokenCount=n, totalTokenCount=9 + n) for n in range(1, 6)]
    reply = folded(sse(first, *middle, counted("none"), chunk(finishReason="STOP")), "gemini")
    assert (reply.usage.input_tokens, reply.usage.cached_tokens) == (9, 4)
    assert (reply.usage.output_tokens, reply.usage.total_tokens) == (5, 14)
    assert folded(sse(first, *middle, LAST), "gemini").usage.raw == USAGE


def test_usage_is_there_whenever_the_reply_is_asked_for():
    decoder = Decoder()
    for n in range(1, 5):
        decoder.feed(sse(counted("a", candidatesTokenCount=n)))
        assert decoder.fold.reply.usage.output_tokens == n


def test_usage_of_the_chunk_that_a_stop_is_found_in_does_not_count():
    """Nothing after the stop does, and the report is behind the text."""
    reads = [sse(counted(word, candidatesTokenCount=n)) for n, word in enumerate(["a", "b", "END", "c"], 1)]
    for pieces in (reads, [b"".join(reads)]):
        assert streamfold.fold(pieces, stop="END").usage.output_tokens == 2


def test_first_chunk_is_not_plain():
    assert not plainly(Gemini, FIRST)


STREAM = [
    {**FIRST, "usageMetadata": USAGE},
    chunk(thought("a", thoughtSignature="s"), call(name="f", args={"a": 1}, id="c")),
    chunk(call(name="f", partialArgs=[{"jsonPath": "$.a[0]", "stringValue": "x"}], willContinue=True)),
    chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"executableCode": {"code": "1"}}),
    chunk(text("a"), citationMetadata={"citations": [{}]}, logprobsResult={"chosenCandidates": [{}]}),
    {**chunk(finishReason="OTHER", finishMessage="m"), "promptFeedback": {"blockReason": "SAFETY"}},
    LAST,
]


@given(broken(STREAM))
def test_broken_values_never_raise(values):
    folded(sse(*values), "gemini", cuts=False)
    for value in values:
        if isinstance(value, dict):
            plainly(named, value)


def test_identity_is_said_once():
    dialect = Gemini()
    deltas = [delta for value in (FIRST, FIRST) for delta in dialect.feed_object(value)]
    assert deltas.count(Identity("r", "m")) == 1
