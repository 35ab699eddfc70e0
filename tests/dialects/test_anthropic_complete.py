"""Anthropic's legacy text completions."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.anthropic_complete import AnthropicComplete
from streamfold.reply import Verdict

from .wires import broken, folded, plainly, sse


def piece(words, reason=None):
    return {"type": "completion", "id": "c1", "completion": words, "stop_reason": reason, "model": "m", "stop": None}


def test_text():
    reply = folded(sse({"type": "ping"}, piece(" Hel"), piece("lo"), piece("", "stop_sequence")))
    assert (reply.text, reply.verdict, reply.finish_reason) == (" Hello", Verdict.COMPLETE, "stop_sequence")
    assert (reply.id, reply.model, reply.usage.output_tokens) == ("c1", "m", None)


def test_length():
    assert folded(sse(piece("a"), piece("b", "max_tokens"))).verdict is Verdict.LENGTH


def test_no_reason_is_truncated():
    reply = folded(sse(piece("a"), piece("b")))
    assert (reply.text, reply.verdict) == ("ab", Verdict.TRUNCATED)


def test_reply_that_was_not_streamed():
    assert folded(json.dumps(piece("ab", "stop_sequence")).encode()).text == "ab"


def test_error_in_the_stream():
    error = {"error": {"type": "overloaded_error", "message": "no"}}
    reply = folded(sse(piece("a")) + sse(error, event="error"))
    assert (reply.text, reply.verdict, reply.error.retryable) == ("a", Verdict.ERRORED, True)


@pytest.mark.parametrize("value", [{"type": "new"}, {"completion": None}, {"completion": 5, "stop_reason": []}])
def test_event_that_says_nothing(value):
    reply = folded(sse(piece("a"), value, piece("b", "stop_sequence")), cuts=False)
    assert (reply.text, reply.verdict) == ("ab", Verdict.COMPLETE)


@given(broken([piece("a"), piece("b"), piece("", "stop_sequence")]))
def test_nothing_raises(events):
    folded(sse(*events), dialect="anthropic_complete", cuts=False)


def test_short_way_is_taken_once_it_is_known_who_answers():
    dialect = AnthropicComplete()
    frame = json.dumps(piece("a")).encode()
    assert not plainly(AnthropicComplete, piece("a"))
    dialect.feed([frame])
    assert dialect.plain(frame) == "a"
