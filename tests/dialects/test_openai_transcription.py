"""OpenAI's transcription of speech into replies."""

import json

import pytest
from hypothesis import given, settings

from streamfold.decoder import Decoder
from streamfold.dialects.openai_transcription import OpenAITranscription
from streamfold.reply import Verdict
from streamfold.reply.parts import TextPart
from streamfold.reply.usage import Usage

from .wires import broken, folded, plainly, sse


def piece(delta, **fields):
    return {"type": "transcript.text.delta", "delta": delta, **fields}


RAW = {"type": "tokens", "input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
DONE = {"type": "transcript.text.done", "text": "Hello", "usage": RAW}
WIRE = [piece("Hel"), piece("lo"), DONE]


def test_text_however_it_is_cut():
    reply = folded(sse(*WIRE, "[DONE]").replace(b"\n", b"\r\n"))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, None)
    assert (reply.usage, reply.anomalies) == (Usage(9, 2, 11, raw=RAW), [])


def test_stream_without_its_end_is_truncated():
    assert folded(sse(*WIRE[:2])).verdict is Verdict.TRUNCATED


@pytest.mark.parametrize("left", [[], WIRE[:1], WIRE[:2]])
def test_the_whole_brings_what_the_pieces_did_not(left):
    assert folded(sse(*left, DONE)).text == "Hello"


def test_the_whole_may_be_trimmed_but_not_another():
    assert folded(sse(piece(" Hello"), DONE)).anomalies == []
    reply = folded(sse(piece("lo"), DONE))
    assert (reply.text, len(reply.anomalies)) == ("lo", 1)


def test_logprobs():
    entries = [{"token": "a", "logprob": -0.1}]
    for wire in (
        [piece("a", logprobs=entries), {**DONE, "text": "a", "logprobs": entries}],
        [DONE | {"logprobs": entries}],
    ):
        assert folded(sse(*wire)).choices[0].logprobs == entries


SEGMENTS = [
    {"type": "transcript.text.segment", "id": f"s{at}", "speaker": speaker, "text": words, "start": at, "end": at + 1}
    for at, (speaker, words) in enumerate([("A", " Hel"), ("B", "lo")])
]


@pytest.mark.parametrize("pieces", [WIRE[:2], []], ids=["pieces", "segments alone"])
def test_segments(pieces):
    reply = folded(sse(*pieces, *SEGMENTS, DONE))
    assert (reply.parts, reply.anomalies) == ([TextPart("Hello", SEGMENTS)], [])


def test_segments_that_break_off():
    reply = folded(sse(SEGMENTS[0]))
    assert (reply.text, reply.verdict) == ("Hel", Verdict.TRUNCATED)


def test_body_that_was_not_streamed():
    body = json.dumps({"text": "Hello", "usage": RAW}).encode()
    reply = folded(body, dialect="openai_transcription")
    assert (reply.text, reply.verdict, reply.usage.total_tokens) == ("Hello", Verdict.COMPLETE, 11)


@pytest.mark.parametrize("event", [None, "error"])
def test_error_in_mid_stream(event):
    reply = folded(sse(WIRE[0]) + sse({"error": {"message": "no"}}, event=event) + sse(DONE))
    assert (reply.verdict, reply.text, reply.error.message) == (Verdict.ERRORED, "Hel", "no")


PLAIN = [piece("a"), piece(""), piece("a", logprobs=[]), piece("a", segment_id="s")]
NOT_PLAIN = [piece(None), piece("a", logprobs=[{}]), piece("\ud83d"), DONE, {}]


@pytest.mark.parametrize("value", PLAIN + NOT_PLAIN)
def test_short_way(value):
    assert plainly(OpenAITranscription, value) is (value in PLAIN)


@settings(max_examples=60)
@given(broken(WIRE))
def test_nothing_on_the_wire_raises(values):
    decoder = Decoder(dialect="openai_transcription")
    decoder.feed(sse(*values))
    decoder.close()
    assert decoder.fold.reply.verdict
