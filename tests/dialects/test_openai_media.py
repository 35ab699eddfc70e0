"""OpenAI's streams of images and of speech into replies."""

import json
from base64 import b64encode

import pytest
from hypothesis import given

from streamfold.dialects.openai_media import OpenAIMedia
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart

from .wires import broken, folded, sse

USAGE = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11, "input_tokens_details": {"text_tokens": 9}}


def drawn(verb, data, of="image_generation", **fields):
    return {"type": f"{of}.{verb}", "b64_json": b64encode(data).decode(), "output_format": "webp", **fields}


def spoken(data):
    return {"type": "speech.audio.delta", "audio": b64encode(data).decode()}


DONE = {"type": "speech.audio.done", "usage": USAGE}


@pytest.mark.parametrize("of", ["image_generation", "image_edit"])
def test_the_last_image_counts(of):
    reply = folded(sse(drawn("partial_image", b"a", of), drawn("completed", b"ab", of, usage=USAGE)))
    assert (reply.parts, reply.verdict, reply.text) == ([MediaPart("image/webp", b"ab")], Verdict.COMPLETE, "")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (9, 2, 11)


def test_image_that_was_not_finished_is_kept():
    reply = folded(sse(drawn("partial_image", b"a"), drawn("partial_image", b"ab")))
    assert (reply.parts, reply.verdict) == ([MediaPart("image/webp", b"ab")], Verdict.TRUNCATED)


@pytest.mark.parametrize(("end", "verdict"), [([DONE, "[DONE]"], Verdict.COMPLETE), ([], Verdict.TRUNCATED)])
def test_sound_is_one_part(end, verdict):
    reply = folded(sse(spoken(b"a"), spoken(b"bcd"), *end))
    assert (reply.parts, reply.verdict) == ([MediaPart("", b"abcd")], verdict)
    assert reply.usage.output_tokens == (2 if end else None)


def test_error():
    reply = folded(sse(spoken(b"a"), {"type": "error", "error": {"message": "no", "code": "server_error"}}))
    assert isinstance(reply.error, ProviderError)
    assert reply.parts == [MediaPart("", b"a")]


@given(broken([drawn("partial_image", b"a"), spoken(b"a"), drawn("completed", b"b", usage=USAGE), DONE]))
def test_nothing_raises(events):
    dialect = OpenAIMedia()
    for event in events:
        dialect.feed([json.dumps(event).encode()])
        if isinstance(event, dict):
            dialect.recognises(event, "message")
