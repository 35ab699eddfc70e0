"""OpenAI's legacy completions into replies."""

import json

import pytest
from hypothesis import given, settings

from streamfold.decoder import Decoder
from streamfold.dialects.json_dialect import NOT_PLAIN
from streamfold.dialects.openai_chat import OpenAIChat
from streamfold.dialects.openai_completions import OpenAICompletions
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import ReasoningPart, TextPart
from streamfold.reply.usage import Usage

from .wires import broken, folded, sse, told


def chunk(text, reason=None, index=0, **fields):
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
    return {"id": "c", "object": "text_completion", "model": "m", "choices": [choice], **fields}


RAW = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
WIRE = [chunk("Hel"), chunk("lo"), chunk("", "stop"), chunk("", usage=RAW) | {"choices": []}, "[DONE]"]


def test_text_however_it_is_cut():
    reply = folded(sse(*WIRE))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "stop")
    assert (reply.id, reply.model, reply.usage) == ("c", "m", Usage(9, 2, 11, raw=RAW))


def test_stream_without_its_end_is_truncated():
    assert folded(sse(*WIRE[:2])).verdict is Verdict.TRUNCATED
    assert folded(sse(*WIRE[:3])).verdict is Verdict.COMPLETE
    assert folded(sse(*WIRE[:2], "[DONE]")).verdict is Verdict.COMPLETE


def test_body_that_was_not_streamed():
    body = chunk("Hello", "length", usage=RAW) | {"object": "text_completion", "system_fingerprint": "p"}
    reply = folded(json.dumps(body, indent=1).encode())
    assert (reply.text, reply.verdict, reply.fingerprint) == ("Hello", Verdict.LENGTH, "p")


def test_several_choices():
    reply = folded(sse(chunk("b", index=1), chunk("a"), chunk("", index=2), chunk("", "length", 1), chunk("", "stop")))
    found = [(choice.index, choice.text, choice.finish_reason) for choice in reply.choices]
    assert found == [(0, "a", "stop"), (1, "b", "length"), (2, "", None)]


REASONS = {
    "stop": Verdict.COMPLETE,
    "eos_token": Verdict.COMPLETE,
    "length": Verdict.LENGTH,
    "content_filter": Verdict.FILTERED,
    "abort": Verdict.CANCELLED,
    "error": Verdict.ERRORED,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_finish_reason(reason, verdict):
    reply = folded(sse(chunk("a", reason)))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("a", verdict, reason)


@pytest.mark.parametrize(
    ("logprobs", "entries"),
    [
        ({"tokens": ["a"], "token_logprobs": [-0.1]}, [{"tokens": ["a"], "token_logprobs": [-0.1]}]),
        ({"content": [{"token": "a"}]}, [{"token": "a"}]),
        ([1], []),
    ],
)
def test_logprobs(logprobs, entries):
    value = chunk("a")
    value["choices"][0]["logprobs"] = logprobs
    assert folded(sse(value)).choices[0].logprobs == entries


def test_reasoning():
    value = chunk("a")
    value["choices"][0]["reasoning"] = "r"
    assert folded(sse(value, chunk("b"))).parts == [ReasoningPart("r"), TextPart("ab")]


def test_choice_of_a_chat_at_the_end():
    last = chunk("") | {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    assert folded(sse(chunk("a"), last)).finish_reason == "stop"


ERRORS = [{"error": {"message": "no"}}, {"choices": [], "error": "no"}, {"choices": [{"text": "", "error": "no"}]}]


@pytest.mark.parametrize("error", ERRORS)
def test_error_in_mid_stream(error):
    reply = folded(sse(chunk("a"), error, "[DONE]"))
    assert (reply.verdict, reply.text, reply.error.message) == (Verdict.ERRORED, "a", "no")
    assert isinstance(reply.error, ProviderError)


@pytest.mark.parametrize(
    ("value", "dialects"),
    [
        ({"choices": [{"text": "a"}]}, {OpenAICompletions}),
        ({"object": "text_completion", "choices": []}, {OpenAICompletions}),
        ({"choices": [{"text": "a", "delta": {"content": "a"}}]}, {OpenAIChat}),
    ],
)
def test_recognises(value, dialects):
    assert {one for one in (OpenAIChat, OpenAICompletions) if one.recognises(value, "message")} == dialects


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        (chunk("a"), True),
        (chunk(""), True),
        (chunk("a", usage=None), True),
        (chunk("a", "stop"), False),
        (chunk("a", index=1), False),
        (chunk("a", usage=RAW), False),
        (chunk("\ud83d"), False),
        (chunk(None), False),
        ({}, False),
    ],
)
def test_short_way(value, is_plain):
    dialect, frame = OpenAICompletions(), json.dumps(value).encode()
    dialect.feed_object(chunk("a"))
    try:
        delta = dialect.plain(frame)
    except NOT_PLAIN:
        assert not is_plain
    else:
        assert is_plain
        assert told([] if delta is None else [delta]) == told(dialect.feed_object({**value, "id": None, "model": None}))


def test_short_way_waits_for_who_answers():
    reply = folded(sse(chunk("a", id=None), chunk("b"), chunk("c", id="d")))
    assert (reply.text, reply.id, reply.model) == ("abc", "c", "m")


@settings(max_examples=60)
@given(broken(WIRE[:-1]))
def test_nothing_on_the_wire_raises(values):
    decoder = Decoder(dialect="openai_completions")
    decoder.feed(sse(*values))
    decoder.close()
    assert decoder.fold.reply.verdict
