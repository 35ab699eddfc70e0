"""Recorded streams of real providers: each folds into what its recording's expectation says, however it is cut.

The expectations are what SDK accumulators made of the streams. Where these fell over or garble, the expectation has
``raw_chunks``: what the wire says, chunk by chunk; then that counts.
"""

import json
from collections import Counter
from random import Random

import pytest

from streamfold.decoder import Decoder
from streamfold.reply import Verdict

from .conftest import SHARED

CORPUS = SHARED / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
DECODED = {("openai.chat", "sse")}
"""The dialects and framings that we read."""

N_CUTS = 200
"""How many cuts at most there are between the random pieces of one stream."""

SEEDS = 3
"""How often each stream is cut into random pieces."""

RECORDINGS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [one for one in RECORDINGS if (one["api"], one["framing"]) in DECODED]
EVERY_RECORDING = pytest.mark.parametrize("recording", RECORDINGS or [None], ids=lambda one: one and one["file"])

# Where we differ from the expectation on purpose, and what we say instead.
DIFFERENCES = {
    # Its reasoning is in "reasoning_details" alone, which the accumulators pass over.
    "snowflake-openai.chat-thinking-streaming.sse": {"reasoning": "15 * 27 = 405"},
    # Groq sends usage under "x_groq", which the accumulators pass over.
    "groq-openai.chat-model-thinking-part-iter.sse": {"usage": [21, 988, 1009, None, None]},
    "groq-openai.chat-model-web-search-tool-stream.sse": {"usage": [5003, 359, 5362, None, None]},
    # Another chunk follows the one with the usage: one accumulator believes only the last chunk.
    "litellm-proxy-openai.chat-completion-stream-multiple-choices-proxy.sse": {"usage": [13, 27, 40, None, None]},
    "openai-openai.chat-moderation-stream.sse": {"usage": [13, 11, 24, 0, 0]},
    # A tool without arguments: the accumulators leave null, we say what a caller can execute.
    "openai-openai.chat-tools-streaming-variant-d.sse": {"tool_calls": [("0", "llm_version", "{}")]},
}

# The verdict follows from the finish reason, but not here.
VERDICTS = {
    # llama-box reports an error in a field of its own, which the accumulators never see.
    "gpustack-openai.chat-chat-with-extended-thinking-gpustack-qwen3-streams-thinking-content-when-available.sse": (
        Verdict.ERRORED
    ),
    "groq-openai.chat-tool-use-failed-error-streaming-with-text.sse": Verdict.ERRORED,
}
OF_REASON = {
    "stop": {Verdict.COMPLETE, Verdict.REFUSED},
    "tool_calls": {Verdict.TOOL_CALLS},
    "length": {Verdict.LENGTH},
    "content_filter": {Verdict.FILTERED},
    None: {Verdict.COMPLETE},
}

COUNTS = [
    ("prompt_tokens",),
    ("completion_tokens",),
    ("total_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
]


def counts(usage):
    """Return the five counts of a usage report as the provider writes it."""
    found = []
    for path in COUNTS:
        value = usage
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        found.append(value)
    return found


def triples(calls):
    return [(call["id"], call["name"], call["arguments"]) for call in calls or []]


def wanted(recording):
    """Return what the recording's expectation says, in our terms."""
    expected = json.loads((CORPUS / recording["expected"]).read_text("utf-8"))
    said = expected | (expected.get("partial") or {}) | (expected.get("raw_chunks") or {})
    choices = said.get("choices") or []
    return {
        "text": said["text"] or "",
        "reasoning": said["reasoning"] or "",
        "refusal": said.get("refusal") or "",
        "tool_calls": triples(said["tool_calls"]),
        "finish_reason": said["finish_reason"],
        "usage": counts(said["usage"]),
        "choices": [(c["index"], c["text"], c["finish_reason"], triples(c["tool_calls"])) for c in choices],
    } | DIFFERENCES.get(recording["file"], {})


def ours(reply):
    """Return a reply in the same terms."""
    usage = reply.usage
    choices = reply.choices if len(reply.choices) > 1 else []
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "refusal": reply.refusal,
        "tool_calls": called(reply),
        "finish_reason": reply.finish_reason,
        "usage": [
            usage.input_tokens,
            usage.output_tokens,
            usage.total_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
        ],
        "choices": [(c.index, c.text, c.finish_reason, called(c)) for c in choices],
    }


def called(choice):
    return [(call.id, call.name, call.arguments) for call in choice.tool_calls]


def folded(pieces):
    """Return the reply, after a check that the text handed on is its text."""
    decoder = Decoder()
    feed = decoder.feed
    shown = [one for piece in pieces for one in feed(piece)] + decoder.close()
    reply = decoder.fold.reply
    assert "".join([one for one in shown if isinstance(one, str)]) == reply.text
    return reply


def wire_of(recording):
    return (CORPUS / recording["file"]).read_bytes()


def cuttings(wire):
    """Yield `wire` byte by byte, then in random pieces."""
    yield [wire[at : at + 1] for at in range(len(wire))]
    for seed in range(SEEDS):
        cuts = sorted(Random(seed).sample(range(1, len(wire)), min(N_CUTS, len(wire) - 1)))
        yield [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@EVERY_RECORDING
def test_recording_is_what_is_expected(recording, shared):
    assert ours(folded([wire_of(recording)])) == wanted(recording)


@EVERY_RECORDING
def test_recording_however_it_is_cut(recording, shared):
    wire = wire_of(recording)
    uncut = folded([wire])
    for pieces in cuttings(wire):
        other = folded(pieces)
        assert ours(other) == ours(uncut)
        assert (other.verdict, other.anomalies, other.parts) == (uncut.verdict, uncut.anomalies, uncut.parts)
        assert str(other.error) == str(uncut.error)


@EVERY_RECORDING
def test_verdict_of_a_recording(recording, shared):
    reply = folded([wire_of(recording)])
    if recording["file"] in VERDICTS:
        assert reply.verdict is VERDICTS[recording["file"]]
    else:
        assert reply.verdict in OF_REASON[reply.finish_reason]
        assert all(call.complete for call in reply.tool_calls) or reply.verdict is Verdict.LENGTH


@EVERY_RECORDING
def test_recording_has_no_anomalies(recording, shared):
    assert folded([wire_of(recording)]).anomalies == []


@EVERY_RECORDING
def test_recording_cut_short_is_never_complete(recording, shared):
    wire = wire_of(recording)
    reply = folded([wire[: len(wire) // 2]])
    assert reply.verdict is Verdict.TRUNCATED or reply.finish_reason


def test_every_difference_is_one(shared):
    """A difference that is none any more would hide the next one."""
    files = {one["file"]: one for one in RECORDINGS}
    for name, different in DIFFERENCES.items():
        said = wanted(files[name] | {"file": "as expected"})
        assert all(said[field] != value for field, value in different.items())


def test_corpus_is_large_enough(shared):
    by_dialect = Counter((one["api"], one["framing"]) for one in RECORDINGS)
    assert by_dialect["openai.chat", "sse"] >= 88
