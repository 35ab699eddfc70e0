"""The native completion of llama.cpp's server."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.llama_cpp import LlamaCpp
from streamfold.reply import Verdict

from .wires import broken, folded, plainly, sse


def piece(content, index=0, **more):
    return {"index": index, "content": content, "tokens": [1], "stop": False, "tokens_predicted": 1, **more}


def end(stop_type, content="", index=0, **more):
    counts = {"tokens_evaluated": 6, "tokens_predicted": 2, "tokens_cached": 7, "timings": {"cache_n": 5}}
    said = {"index": index, "content": content, "tokens": [], "stop": True, "model": "m", **counts}
    return {**said, "stop_type": stop_type, "stopping_word": "", **more}


TEXT = [piece("Hel"), piece("lo")]


def test_text_model_and_usage():
    reply = folded(sse(*TEXT, end("eos")))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "eos")
    assert reply.model == "m"
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.total_tokens) == (6, 2, 5, None)
    assert usage.raw["tokens_cached"] == 7


REASONS = {
    "limit": (end("limit"), "limit", Verdict.LENGTH),
    "word": (end("word", stopping_word=","), "word", Verdict.COMPLETE),
    "none": (end("none"), "none", Verdict.COMPLETE),
    "flag": (end(None, stopped_eos=False, stopped_limit=True), "stopped_limit", Verdict.LENGTH),
    "no flag": (end(None), "stop", Verdict.COMPLETE),
}


@pytest.mark.parametrize(("last", "reason", "verdict"), REASONS.values(), ids=REASONS)
def test_stop(last, reason, verdict):
    reply = folded(sse(*TEXT, last), cuts=False)
    assert (reply.finish_reason, reply.verdict) == (reason, verdict)


def test_broken_off():
    assert folded(sse(*TEXT)).verdict is Verdict.TRUNCATED


def test_progress_of_the_prompt_says_nothing():
    reply = folded(sse(piece("", prompt_progress={"total": 6, "processed": 5}), *TEXT, end("eos")))
    assert reply.text == "Hello"


def test_logprobs():
    entries = [{"token": "a", "logprob": -0.5, "top_logprobs": []}]
    reply = folded(sse(*(piece("a", completion_probabilities=entries) for _ in range(2)), end("eos")))
    assert (reply.text, reply.choices[0].logprobs) == ("aa", entries * 2)


def test_several_prompts():
    first = sse(*TEXT, end("eos"))
    reply = folded(first + sse("null", piece("Bye", 1), end("limit", index=1)))
    assert [(c.index, c.text, c.finish_reason) for c in reply.choices] == [(0, "Hello", "eos"), (1, "Bye", "limit")]
    assert reply.anomalies == []


def test_body_that_is_not_streamed():
    assert folded(json.dumps(end("eos", "Hello")).encode()).text == "Hello"
    several = json.dumps([end("eos", "Hello"), end("eos", "Bye", 1)]).encode()
    assert [choice.text for choice in folded(several).choices] == ["Hello", "Bye"]


ERROR = {"code": 400, "message": "too long", "type": "exceed_context_size_error"}
ERRORS = {
    "in data": sse({"error": ERROR}),
    "in a field of its own": f"error: {json.dumps(ERROR)}\n\n".encode(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_error_in_the_stream(error):
    reply = folded(sse(*TEXT) + error)
    assert (reply.text, reply.verdict, reply.error.message) == ("Hello", Verdict.ERRORED, "too long")
    assert reply.error.status == 400


EVERYTHING = [*TEXT, piece("a", completion_probabilities=[{"token": "a"}]), end("eos"), {"error": ERROR}]


@given(broken(EVERYTHING))
def test_broken_frames_never_raise(values):
    assert folded(sse(*values), "llama_cpp", cuts=False).verdict
    assert folded(sse(*values, event="error"), "llama_cpp", cuts=False).verdict


@given(broken(EVERYTHING))
def test_short_way_says_what_the_long_one_does(values):
    assert [plainly(LlamaCpp, value) for value in EVERYTHING] == [True, True, False, False, False]
    for value in values:
        plainly(LlamaCpp, value)
