"""Ollama's chat and generate: what each line adds to a reply."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.ollama_chat import OllamaChat
from streamfold.dialects.ollama_generate import OllamaGenerate
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, TextPart, ToolCall

from .wires import broken, folded, ndjson, plainly

COUNTS = {"prompt_eval_count": 9, "eval_count": 2, "total_duration": 5}


def chat(content="", *, done=False, **message):
    return {
        "model": "m",
        "created_at": "t",
        "message": {"role": "assistant", "content": content, **message},
        "done": done,
    }


def generate(response="", *, done=False, **more):
    return {"model": "m", "created_at": "t", "response": response, "done": done, **more}


def end(kind, reason="stop"):
    return {**kind(done=True), "done_reason": reason, **COUNTS}


both = pytest.mark.parametrize("kind", [chat, generate])


@both
def test_text_identity_and_usage(kind):
    reply = folded(ndjson(kind("Hel"), kind("lo"), end(kind)))
    assert (reply.text, reply.verdict, reply.finish_reason, reply.model) == ("Hello", Verdict.COMPLETE, "stop", "m")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (9, 2, None)
    assert COUNTS.items() <= reply.usage.raw.items()
    assert reply.anomalies == []


@both
def test_reasoning_before_text(kind):
    reply = folded(ndjson(kind(thinking="Hm"), kind(thinking="m"), kind("a", thinking=""), kind("b"), end(kind)))
    assert reply.parts == [ReasoningPart("Hmm"), TextPart("ab")]


@both
def test_reply_that_was_not_streamed(kind):
    whole = {**kind("Hello", thinking="Hm", done=True), "done_reason": "stop", **COUNTS}
    for wire in (json.dumps(whole).encode(), json.dumps(whole, indent=2).encode()):
        reply = folded(wire)
        assert (reply.parts, reply.verdict) == ([ReasoningPart("Hm"), TextPart("Hello")], Verdict.COMPLETE)


@both
def test_stream_without_done_is_truncated(kind):
    assert folded(ndjson(kind("Hel"), kind("lo"))).verdict is Verdict.TRUNCATED


@both
def test_nothing_follows_done(kind):
    assert folded(ndjson(kind("a"), end(kind), kind("b"))).text == "a"


ENDS = {
    "length": ("length", Verdict.LENGTH),
    "load": ("load", Verdict.COMPLETE),
    "unload": ("unload", Verdict.COMPLETE),
    "never heard of": ("never heard of", Verdict.COMPLETE),
    None: (None, Verdict.COMPLETE),
    5: (None, Verdict.COMPLETE),
}


@both
@pytest.mark.parametrize(("reason", "wanted"), ENDS.items())
def test_end(kind, reason, wanted):
    reply = folded(ndjson(end(kind, reason)), cuts=False)
    assert (reply.finish_reason, reply.verdict, reply.text) == (*wanted, "")


def call(name="f", arguments=None, index=0, **more):
    return {"function": {"index": index, "name": name, "arguments": arguments}, **more}


CALLS = {
    "whole": ([[call(arguments={"a": 1}, id="c")]], [ToolCall("c", "f", '{"a": 1}', complete=True)]),
    "no arguments": ([[call()]], [ToolCall(None, "f", "{}", complete=True)]),
    "arguments as text": ([[call(arguments='{"a":1}')]], [ToolCall(None, "f", '{"a":1}', complete=True)]),
    "the same twice": ([[call(), call()]], [ToolCall(None, "f", "{}", complete=True)] * 2),
    "one a line, of one index": (
        [[call("f", {"a": 1})], [call("g", {"b": 1})]],
        [ToolCall(None, "f", '{"a": 1}', complete=True), ToolCall(None, "g", '{"b": 1}', complete=True)],
    ),
    "nonsense": ([[None, 5, {}, {"function": None}], None, {}], []),
}


@pytest.mark.parametrize(("lines", "wanted"), CALLS.values(), ids=CALLS)
@both
def test_tool_calls(kind, lines, wanted):
    called = [chat(tool_calls=one) if kind is chat else generate(tool_calls=one) for one in lines]
    reply = folded(ndjson(*called, end(kind)), cuts=False)
    assert reply.tool_calls == wanted
    assert reply.verdict is (Verdict.TOOL_CALLS if wanted else Verdict.COMPLETE)


def test_images():
    assert folded(ndjson(chat(images=["AAAA", "é", 5]), end(chat))).parts == [MediaPart("", b"\0\0\0")]
    drawn = ndjson(
        {"model": "m", "created_at": "t", "completed": 1, "total": 2, "done": False},
        {"model": "m", "created_at": "t", "image": "AAAA", "done": True, "done_reason": "stop"},
    )
    assert folded(drawn).parts == [MediaPart("", b"\0\0\0")]


@both
def test_logprobs(kind):
    reply = folded(ndjson({**kind("a"), "logprobs": [{"token": "a"}]}, end(kind)))
    assert reply.choices[0].logprobs == [{"token": "a"}]


@both
def test_error_in_mid_stream(kind):
    reply = folded(ndjson(kind("a"), {"error": "an error was encountered while running the model"}))
    assert (reply.text, reply.verdict) == ("a", Verdict.ERRORED)
    assert isinstance(reply.error, ProviderError)
    assert reply.error.content_delivered


def test_error_alone():
    reply = folded(b'{"error":"model \'m\' not found"}')
    assert reply.verdict is Verdict.ERRORED
    assert "not found" in str(reply.error)


NOT_OURS = [{}, {"message": {"content": "a"}}, {"response": "a"}, {"done": True}, {"message": "no", "done": False}]


@pytest.mark.parametrize("value", NOT_OURS)
def test_values_of_others(value):
    assert not OllamaChat.recognises(value, "message")
    assert not OllamaGenerate.recognises(value, "message")


def test_each_knows_its_own():
    assert OllamaChat.recognises(chat("a"), "message")
    assert not OllamaChat.recognises(generate("a"), "message")
    assert OllamaGenerate.recognises(generate("a"), "message")
    assert not OllamaGenerate.recognises(chat("a"), "message")


# --- the typed way and the untyped one --------------------------------------------------------------------


def named(kind):
    """Return what makes a dialect that knows who answers."""

    def make():
        dialect = OllamaChat() if kind is chat else OllamaGenerate()
        dialect.is_named = True
        return dialect

    return make


@both
def test_plain_line(kind):
    for value in (kind("a"), kind(), kind(thinking="a"), {**kind("a"), "created_at": 5}):
        assert plainly(named(kind), value)
    for value in (
        kind("a", thinking="b"),
        end(kind),
        {**kind("a"), "logprobs": [{}]},
        {**kind("a"), "error": "no"},
        {**kind("a"), "done": "no"},
    ):
        assert not plainly(named(kind), value)
    assert not plainly(OllamaChat if kind is chat else OllamaGenerate, kind("a"))


STREAM = [chat("a", thinking="b", images=["AAAA"], tool_calls=[call("f", {"a": 1}, id="c")]), chat("a"), end(chat)]
COMPLETION = [
    generate("a", thinking="b", image="AAAA", tool_calls=[call()], logprobs=[{}]),
    generate("a"),
    end(generate),
]


@given(broken(STREAM))
def test_broken_chat_never_raises(values):
    assert_unharmed(chat, values)


@given(broken(COMPLETION))
def test_broken_completion_never_raises(values):
    assert_unharmed(generate, values)


def assert_unharmed(kind, values):
    folded(ndjson(*values), "ollama_chat" if kind is chat else "ollama_generate", cuts=False)
    for value in values:
        if isinstance(value, dict):
            plainly(named(kind), value)
