"""Models invoked by their own format on Amazon Bedrock: whose dialect a chunk is in, and the formats only it has."""

import json
from base64 import b64encode

import pytest
from hypothesis import given

from streamfold.dialects.bedrock_invoke import METRICS, BedrockInvoke
from streamfold.dialects.bedrock_models import BedrockModels
from streamfold.dialects.json_dialect import NOT_PLAIN
from streamfold.errors import DialectError
from streamfold.reply import Verdict
from streamfold.reply.parts import TextPart, ToolCall

from .wires import aws, aws_exception, broken, folded

COUNTED = {METRICS: {"inputTokenCount": 9, "outputTokenCount": 2, "invocationLatency": 1}}


def chunk(value):
    return "chunk", {"bytes": b64encode(json.dumps(value).encode()).decode(), "p": "abc"}


def invoked(*values, **how):
    return folded(aws(*map(chunk, values)), **how)


def text(words, index=0):
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": words}}


ANTHROPIC = [
    {"type": "message_start", "message": {"id": "m1", "model": "m", "usage": {"input_tokens": 8, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    text("Hel"),
    text("lo"),
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop", **COUNTED},
]
COMPLETE = [
    {"completion": "Hel", "stop_reason": None, "stop": None},
    {"type": "completion", "completion": "lo", "stop_reason": "stop_sequence", "stop": "\n\nHuman:", **COUNTED},
]
NOVA = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": "Hel"}, "contentBlockIndex": 0}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "lo"}, "contentBlockIndex": 1}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 2}}, **COUNTED},
]
OPENAI = [
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hel"}}]},
    {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}],
        **COUNTED,
    },
]
TITAN = [
    {"outputText": "Hel", "index": 0.0, "inputTextTokenCount": 9.0, "completionReason": None},
    {"outputText": "lo", "index": 0, "totalOutputTextTokenCount": 2, "completionReason": "FINISH", **COUNTED},
]
LLAMA = [
    {"generation": "Hel", "prompt_token_count": 9, "generation_token_count": 1, "stop_reason": None},
    {"generation": "lo", "prompt_token_count": None, "generation_token_count": 2, "stop_reason": "stop", **COUNTED},
]
MISTRAL = [
    {"outputs": [{"text": "Hel", "stop_reason": None}]},
    {"outputs": [{"text": "lo", "stop_reason": "stop"}], **COUNTED},
]
MISTRAL_CHAT = [
    {"id": "c", "choices": [{"index": 0, "message": {"role": None, "content": "Hel"}, "stop_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "message": {"content": "lo"}, "stop_reason": "stop"}], **COUNTED},
]
DEEPSEEK = [
    {"choices": [{"text": "Hel", "stop_reason": None}]},
    {"choices": [{"text": "lo", "stop_reason": "stop"}], **COUNTED},
]
COHERE = [
    {"generations": [{"text": "Hel", "is_finished": False, "index": 0}]},
    {"generations": [{"text": "lo", "is_finished": True, "finish_reason": "COMPLETE", "index": 0}], **COUNTED},
]
COHERE_BARE = [
    {"text": "Hel", "is_finished": False},
    {"text": "lo", "is_finished": True, "finish_reason": "COMPLETE", **COUNTED},
]
MODELS = {
    "anthropic": (ANTHROPIC, "end_turn", (8, 3)),
    "anthropic, legacy": (COMPLETE, "stop_sequence", (9, 2)),
    "nova": (NOVA, "end_turn", (9, 2)),
    "openai": (OPENAI, "stop", (9, 2)),
    "titan": (TITAN, "FINISH", (9, 2)),
    "llama": (LLAMA, "stop", (9, 2)),
    "mistral": (MISTRAL, "stop", (9, 2)),
    "mistral, chat": (MISTRAL_CHAT, "stop", (9, 2)),
    "deepseek": (DEEPSEEK, "stop", (9, 2)),
    "cohere": (COHERE, "COMPLETE", (9, 2)),
    "cohere, bare": (COHERE_BARE, "COMPLETE", (9, 2)),
}


@pytest.mark.parametrize(("values", "reason", "counts"), MODELS.values(), ids=MODELS)
def test_model(values, reason, counts):
    reply = invoked(*values)
    assert (reply.text, reply.finish_reason, reply.verdict) == ("Hello", reason, Verdict.COMPLETE)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == counts
    assert reply.usage.raw[METRICS] == COUNTED[METRICS]
    assert (reply.parts, reply.anomalies) == ([TextPart("Hello")], [])


@pytest.mark.parametrize("values", [values[:-2] or values[:-1] for values, *_ in MODELS.values()], ids=MODELS)
def test_no_reason_is_truncated(values):
    assert invoked(*values, cuts=False).verdict is Verdict.TRUNCATED


NOT_STREAMED = {
    "titan": {"inputTextTokenCount": 9, "results": [{"outputText": "Hi", "completionReason": "LENGTH"}]},
    "llama": {"generation": "Hi", "stop_reason": "length", "prompt_token_count": 9},
    "mistral": {"outputs": [{"text": "Hi", "stop_reason": "length"}]},
}


@pytest.mark.parametrize("value", NOT_STREAMED.values(), ids=NOT_STREAMED)
def test_reply_that_was_not_streamed(value):
    reply = folded(json.dumps(value).encode())
    assert (reply.text, reply.verdict) == ("Hi", Verdict.LENGTH)


def test_several_generations():
    generations = [
        {"text": word, "finish_reason": "COMPLETE", "is_finished": True, "index": n} for n, word in enumerate("ab")
    ]
    reply = invoked({"generations": generations, **COUNTED})
    assert [choice.text for choice in reply.choices] == ["a", "b"]


def test_tool_calls_of_mistral():
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    reply = invoked({"choices": [{"message": {"tool_calls": [call]}, "stop_reason": "tool_calls"}], **COUNTED})
    assert (reply.tool_calls, reply.verdict) == ([ToolCall("c", "f", "{}", True)], Verdict.TOOL_CALLS)


def test_exception_in_the_stream():
    wire = aws(*map(chunk, ANTHROPIC[:4])) + aws_exception("modelStreamErrorException", {"message": "no"})
    reply = folded(wire)
    assert (reply.text, reply.verdict, reply.error.retryable) == ("Hello", Verdict.ERRORED, True)


@pytest.mark.parametrize("before", [[], ANTHROPIC[:4]])
def test_error_of_the_model(before):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}
    reply = invoked(*before, error, cuts=False)
    assert (reply.error.type, reply.error.retryable, reply.verdict) == ("overloaded_error", True, Verdict.ERRORED)


def test_model_that_nobody_knows():
    wire = aws(chunk({"new": 1}))
    assert isinstance(folded(wire + wire, dialect="bedrock_invoke", cuts=False).error, DialectError)


def test_chunk_that_an_sdk_has_decoded():
    dialect = BedrockInvoke()
    for value in LLAMA:
        *_, last = dialect.feed_object({"chunk": {"bytes": json.dumps(value).encode()}})
    assert dialect.recognises({"chunk": {"bytes": b'{"outputText":"a"}'}}, "message")
    assert last.value == "end"


def test_short_way_is_that_of_the_model():
    dialect = BedrockInvoke()
    frames = [json.dumps(chunk(value)[1]).encode() for value in ANTHROPIC]
    with pytest.raises(NOT_PLAIN):
        dialect.plain(frames[2])
    dialect.feed(frames[:1])
    assert dialect.plain(frames[2]) == "Hel"
    for frame in (frames[1], frames[-1]):
        with pytest.raises(NOT_PLAIN):
            dialect.plain(frame)


EVERYTHING = [value for values, *_ in MODELS.values() for value in values]


@given(broken(EVERYTHING))
def test_nothing_raises(values):
    for value in values:
        BedrockInvoke().feed([json.dumps(chunk(value)[1]).encode()])
        BedrockModels().feed([json.dumps(value).encode()])


@given(broken([chunk(ANTHROPIC[0])[1], {"chunk": chunk(LLAMA[0])[1]}]))
def test_no_chunk_raises(values):
    dialect = BedrockInvoke()
    for value in values:
        dialect.feed([json.dumps(value).encode()])


@pytest.mark.parametrize("action", ["blocked", "masked"])
@pytest.mark.parametrize("metrics", [COUNTED, {}], ids=["metrics", "no metrics"])
@pytest.mark.parametrize("reason", [{}, {"completionReason": "FINISH"}], ids=["no reason", "reason"])
def test_guardrail(action, metrics, reason):
    trace = {"amazon-bedrock-trace": {"guardrail": {"actionReason": f"Guardrail {action}."}}}
    reply = invoked({"outputText": "Sorry.", "amazon-bedrock-guardrailAction": "INTERVENED"} | trace | reason | metrics)
    ended = Verdict.COMPLETE if reason or metrics else Verdict.TRUNCATED
    assert reply.verdict == (Verdict.FILTERED if action == "blocked" and not reason else ended)
    assert (reply.text, reply.finish_reason) == ("Sorry.", reason.get("completionReason"))
