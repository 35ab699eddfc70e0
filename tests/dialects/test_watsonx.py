"""Text generation of IBM watsonx."""

import json

import pytest
from hypothesis import given

from streamfold.reply import Verdict

from .wires import broken, folded, sse


def chunk(words, n_output, reason="not_finished", n_input=0, **more):
    counts = {"generated_token_count": n_output, "input_token_count": n_input}
    return {"model_id": "m", "results": [{"generated_text": words, **counts, "stop_reason": reason, **more}]}


TEXT = [chunk("", 0, n_input=8), chunk("Hel", 1), chunk("lo", 2)]


def test_text_model_and_usage():
    reply = folded(sse(*TEXT, chunk("", 3, "eos_token"), event="message"))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "eos_token")
    assert reply.model == "m"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (8, 3)


REASONS = {
    "max_tokens": Verdict.LENGTH,
    "token_limit": Verdict.LENGTH,
    "time_limit": Verdict.LENGTH,
    "cancelled": Verdict.CANCELLED,
    "error": Verdict.ERRORED,
    "stop_sequence": Verdict.COMPLETE,
    "EOS_TOKEN": Verdict.COMPLETE,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_stop_reason(reason, verdict):
    reply = folded(sse(*TEXT, chunk("", 3, reason)), cuts=False)
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


def test_broken_off():
    reply = folded(sse(*TEXT))
    assert (reply.verdict, reply.usage.output_tokens) == (Verdict.TRUNCATED, 2)


def test_logprobs():
    tokens = [{"text": "Hi", "logprob": -0.5}]
    reply = folded(sse(chunk("Hi", 1, generated_tokens=tokens), chunk("", 1, "eos_token")))
    assert reply.choices[0].logprobs == tokens


def test_body_that_is_not_streamed():
    reply = folded(json.dumps(chunk("Hello", 2, "max_tokens", 8), indent=1).encode())
    assert (reply.text, reply.verdict) == ("Hello", Verdict.LENGTH)


ERROR = {"errors": [{"code": "model_not_supported", "message": "no"}], "trace": "t", "status_code": 404}


@pytest.mark.parametrize("event", [None, "error"])
def test_error_in_the_stream(event):
    reply = folded(sse(*TEXT) + sse(ERROR, event=event))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.ERRORED)
    assert (reply.error.message, reply.error.code, reply.error.status) == ("no", "model_not_supported", 404)


def test_error_alone():
    assert folded(json.dumps(ERROR).encode()).error.message == "no"


@given(broken([*TEXT, chunk("", 3, "eos_token", generated_tokens=[{"logprob": 1}]), ERROR]))
def test_broken_chunks_never_raise(values):
    assert folded(sse(*values), "watsonx", cuts=False).verdict
