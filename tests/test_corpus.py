"""Recorded streams of real providers: each folds into what its recording's expectation says, however it is cut.

The expectations are what SDK accumulators made of the streams. Where these fell over or garble, the expectation has
``raw_chunks`` or ``raw_events``: what the wire says, one by one; then that counts. Where we differ on purpose is in
`tests/corpus/`.
"""

import json
from importlib import import_module
from pkgutil import iter_modules
from random import Random

import pytest

import streamfold
from fuzz.wires import cut_at_frames
from streamfold.decoder import Decoder
from streamfold.reply import Verdict

from . import corpus
from .conftest import SHARED

CORPUS = SHARED / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"

N_CUTS = 200
"""How many cuts at most there are between the random pieces of one stream."""

SEEDS = 2
"""How often each stream is cut into random pieces."""

TABLES = [import_module(f"{corpus.__name__}.{module.name}") for module in iter_modules(corpus.__path__)]
TABLE_OF = {api: table for table in TABLES for api in table.APIS}
ALL = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()] if MANIFEST.exists() else []
RECORDINGS = [one for one in ALL if (one["api"], one["framing"]) in TABLE_OF]
EXPECTED = [one for one in RECORDINGS if one.get("expected")]


def every(recordings):
    return pytest.mark.parametrize("recording", recordings or [None], ids=lambda one: one and one["file"])


def table_of(recording):
    return TABLE_OF[recording["api"], recording["framing"]]


def counts(usage, paths):
    """Return the five counts of a usage report as the provider writes it."""
    found = []
    for path in paths:
        value = usage if path else None
        for name in path or ():
            value = value.get(name) if isinstance(value, dict) else None
        found.append(value)
    return found


def triples(calls):
    return [(call["id"], call["name"], arguments(call["arguments"])) for call in calls or []]


def arguments(value):
    """Return arguments as they compare: the spacing of JSON is the accumulator's own where it decoded them."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def wanted(recording):
    """Return what the recording's expectation says, in our terms."""
    expected = json.loads((CORPUS / recording["expected"]).read_text("utf-8"))
    said = expected | (expected.get("partial") or {}) | (expected.get("raw_chunks") or expected.get("raw_events") or {})
    choices = said.get("choices") or []
    result = {
        "text": said.get("text") or "",
        "reasoning": said.get("reasoning") or "",
        "refusal": said.get("refusal") or "",
        "tool_calls": triples(said.get("tool_calls")),
        "finish_reason": said.get("finish_reason"),
        "usage": counts(said.get("usage"), table_of(recording).COUNTS),
        "choices": [(c["index"], c["text"], c["finish_reason"], triples(c["tool_calls"])) for c in choices],
    }
    for field, value in table_of(recording).DIFFERENCES.get(recording["file"], {}).items():
        result[field] = value(result[field], said) if callable(value) else value
    return result


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
    return [(call.id, call.name, arguments(call.arguments)) for call in choice.tool_calls]


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
    """Yield `wire` byte by byte, one frame a read, then in random pieces."""
    yield [wire[at : at + 1] for at in range(len(wire))]
    yield cut_at_frames(wire)
    for seed in range(SEEDS):
        cuts = sorted(Random(seed).sample(range(1, len(wire)), min(N_CUTS, len(wire) - 1)))
        yield [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@every(EXPECTED)
def test_recording_is_what_is_expected(recording, shared):
    assert ours(folded([wire_of(recording)])) == wanted(recording)


@every(RECORDINGS)
def test_recording_however_it_is_cut(recording, shared):
    wire = wire_of(recording)
    uncut = folded([wire])
    for pieces in cuttings(wire):
        assert_same(folded(pieces), uncut)
    assert_same(streamfold.fold(cut_at_frames(wire)), uncut)


def assert_same(reply, other):
    assert ours(reply) == ours(other)
    assert (reply.verdict, reply.anomalies, reply.parts) == (other.verdict, other.anomalies, other.parts)
    assert str(reply.error) == str(other.error)


@every(RECORDINGS)
def test_verdict_of_a_recording(recording, shared):
    reply = folded([wire_of(recording)])
    table = table_of(recording)
    if recording["file"] in table.VERDICTS:
        assert reply.verdict is table.VERDICTS[recording["file"]]
    else:
        assert reply.verdict in table.OF_REASON[reply.finish_reason]
        assert all(call.complete for call in reply.tool_calls) or reply.verdict is Verdict.LENGTH


@every(RECORDINGS)
def test_recording_has_no_anomalies(recording, shared):
    assert bool(folded([wire_of(recording)]).anomalies) == (recording["file"] in table_of(recording).ANOMALOUS)


@every(RECORDINGS)
def test_recording_cut_short_is_never_complete(recording, shared):
    wire = wire_of(recording)
    reply = folded([wire[: len(wire) // 2]])
    assert reply.verdict in (Verdict.TRUNCATED, Verdict.ERRORED) or reply.finish_reason


def test_every_difference_is_one(shared):
    """A difference that is none any more would hide the next one."""
    for recording in EXPECTED:
        different = table_of(recording).DIFFERENCES.get(recording["file"], {})
        said = wanted(recording)
        plain = wanted_plainly(recording)
        assert all(said[field] != plain[field] for field in different)


def wanted_plainly(recording):
    table = table_of(recording)
    kept, table.DIFFERENCES = table.DIFFERENCES, {}
    try:
        return wanted(recording)
    finally:
        table.DIFFERENCES = kept


def test_every_table_names_recordings_that_are_there(shared):
    for table in TABLES:
        files = {one["file"] for one in RECORDINGS if table_of(one) is table}
        assert files
        assert {*table.DIFFERENCES, *table.VERDICTS, *table.ANOMALOUS} <= files
