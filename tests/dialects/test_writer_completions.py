"""Text completions of Writer."""

import json

import pytest
from hypothesis import given

from streamfold.dialects.writer_completions import WriterCompletions
from streamfold.reply import Verdict

from .wires import broken, folded, plainly, sse

TEXT = [{"value": "Hel"}, {"value": "lo"}]
WHOLE = {"choices": [{"text": "Hello", "log_probs": None}], "model": "palmyra"}


def test_text():
    reply = folded(sse(*TEXT))
    assert (reply.text, reply.finish_reason) == ("Hello", None)
    assert reply.verdict is Verdict.TRUNCATED  # nothing tells a whole stream from one that broke off


def test_body_that_is_not_streamed():
    reply = folded(json.dumps(WHOLE).encode(), "writer_completions")
    assert (reply.text, reply.model, reply.verdict) == ("Hello", "palmyra", Verdict.COMPLETE)


def test_error_in_the_stream():
    reply = folded(sse(*TEXT, {"errors": [{"description": "d", "key": "k"}], "tpe": "t"}))
    assert (reply.text, reply.verdict, reply.error.message) == ("Hello", Verdict.ERRORED, "d")


@pytest.mark.parametrize("first", [{}, {"value": 5}, {"value": "a", "more": 1}, {"key": "a"}])
def test_is_not_recognised(first):
    assert not WriterCompletions.recognises(first, "message")


@given(broken([*TEXT, WHOLE]))
def test_broken_chunks_never_raise(values):
    assert folded(sse(*values), "writer_completions", cuts=False).verdict
    for value in values:
        plainly(WriterCompletions, value)
