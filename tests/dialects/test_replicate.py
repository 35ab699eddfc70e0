"""Predictions on Replicate: plain text, not JSON."""

import json

import pytest
from hypothesis import given

from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart

from .wires import broken, folded, sse


def output(*lines):
    return ("event: output\nid: 1:0\n" + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


TEXT = b": hi\n\n" + output("") + output("Hel") + output("lo")
DONE = sse("{}", event="done")


def test_text():
    reply = folded(TEXT + DONE + b":408: Request Timeout\n\n")
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "done")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["", ""], "\n"),
        ([" a "], " a "),
        ([":", "", "Why"], ":\n\nWhy"),
        (['{"a": 1}'], '{"a": 1}'),
        (["[DONE]"], "[DONE]"),
        (["5"], "5"),
        ([": keepalive"], ": keepalive"),
    ],
)
def test_text_is_what_it_is(lines, text):
    assert folded(output(*lines) + DONE).text == text


def test_invalid_utf_8_is_counted():
    reply = folded(output("@").replace(b"@", b"\xff") + DONE)
    assert (reply.text, len(reply.anomalies)) == ("\ufffd", 1)


def test_image():
    assert folded(output("data:image/webp;base64,AAEC") + DONE).parts == [MediaPart("image/webp", b"\0\1\2")]


@pytest.mark.parametrize(("reason", "verdict"), [("canceled", Verdict.CANCELLED), ("error", Verdict.ERRORED)])
def test_reason(reason, verdict):
    reply = folded(TEXT + sse({"reason": reason}, event="done"))
    assert (reply.text, reply.finish_reason, reply.verdict) == ("Hello", reason, verdict)


def test_broken_off():
    assert folded(TEXT).verdict is Verdict.TRUNCATED


def test_logs_and_unknown_events_say_nothing():
    between = sse("Loading 5%", event="logs") + sse("not json", event="new")
    assert folded(output("a") + between + DONE).text == "a"


@pytest.mark.parametrize("data", [{"detail": "no"}, "no"])
def test_error_in_the_stream(data):
    reply = folded(TEXT + sse(data, event="error") + sse({"reason": "error"}, event="done"))
    assert (reply.text, reply.verdict, reply.error.message) == ("Hello", Verdict.ERRORED, "no")


PREDICTION = {
    "id": "p",
    "model": "meta/llama",
    "version": "v",
    "output": ["Hel", "lo"],
    "status": "succeeded",
    "error": None,
    "metrics": {"input_token_count": 9, "output_token_count": 2},
}
PREDICTIONS = {
    "list": ({}, "Hello", Verdict.COMPLETE),
    "text": ({"output": "Hello"}, "Hello", Verdict.COMPLETE),
    "canceled": ({"output": ["a"], "status": "canceled"}, "a", Verdict.CANCELLED),
    "failed": ({"output": None, "status": "failed", "error": "no"}, "", Verdict.ERRORED),
    "not yet": ({"output": None, "status": "processing"}, "", Verdict.TRUNCATED),
}


@pytest.mark.parametrize(("said", "text", "verdict"), PREDICTIONS.values(), ids=PREDICTIONS)
def test_body_that_is_not_streamed(said, text, verdict):
    reply = folded(json.dumps(PREDICTION | said).encode())
    assert (reply.text, reply.verdict) == (text, verdict)
    assert (reply.id, reply.model, reply.usage.input_tokens) == ("p", "meta/llama", 9)


@given(broken([PREDICTION, {"reason": "canceled"}]))
def test_broken_values_never_raise(values):
    for event in ("message", "output", "error", "done"):
        assert folded(sse(*values, event=event), "replicate", cuts=False).verdict
