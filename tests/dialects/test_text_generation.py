"""Hugging Face's text generation into replies: tokens, and the whole text that repeats them."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.text_generation import TextGeneration
from streamfold.errors import ProviderError
from streamfold.reply import Verdict

from .wires import broken, folded, sse


def token(words, special=False, **fields):
    return {"token": {"id": 1, "text": words, "logprob": -0.5, "special": special}, "generated_text": None, **fields}


def end(text="Hello", reason="eos_token"):
    details = {"finish_reason": reason, "generated_tokens": 3, "input_length": 9}
    return token("</s>", special=True, generated_text=text, details=details)


def test_tokens_and_details():
    reply = folded(sse(token("Hel"), token("lo"), end()))
    assert (reply.text, reply.finish_reason, reply.verdict) == ("Hello", "eos_token", Verdict.COMPLETE)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 3)
    assert [one["text"] for one in reply.choices[0].logprobs] == ["Hel", "lo", "</s>"]


def test_no_space_after_the_colon():
    assert folded(sse(token("a"), end("a")).replace(b"data: ", b"data:")).text == "a"


@pytest.mark.parametrize(("reason", "verdict"), [("length", Verdict.LENGTH), ("stop_sequence", Verdict.COMPLETE)])
def test_finish_reason(reason, verdict):
    reply = folded(sse(token("Hello"), end(reason=reason)))
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


def test_details_that_were_not_asked_for():
    reply = folded(sse(token("a"), token("b", generated_text="ab", details=None)))
    assert (reply.text, reply.finish_reason, reply.verdict) == ("ab", None, Verdict.COMPLETE)


def test_neither_text_nor_details_is_truncated():
    assert folded(sse(token("a"))).verdict is Verdict.TRUNCATED


def test_other_tokens_stand_beside_the_chosen_one():
    (found,) = folded(sse(token("a", top_tokens=[{"text": "b"}]))).choices[0].logprobs
    assert found["top_tokens"] == [{"text": "b"}]


@pytest.mark.parametrize("many", [False, True])
def test_not_streamed(many):
    value = {"generated_text": "Hello", "details": {"finish_reason": "length", "generated_tokens": 3}}
    reply = folded(json.dumps([value] if many else value).encode())
    assert (reply.text, reply.verdict, reply.usage.output_tokens) == ("Hello", Verdict.LENGTH, 3)


def test_error():
    reply = folded(sse(token("a"), {"error": "busy", "error_type": "overloaded"}))
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.message, reply.error.type, reply.error.retryable) == ("busy", "overloaded", True)


@given(broken([token("a", top_tokens=[{}]), end()]))
def test_nothing_raises(events):
    dialect = TextGeneration()
    for event in events:
        dialect.feed([json.dumps(event).encode()])
        if isinstance(event, dict):
            dialect.recognises(event, "message")
