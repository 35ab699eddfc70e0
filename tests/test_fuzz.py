"""What is fuzzed holds for the seeds, without a fuzzer; and what the fuzzer found stays mended."""

import pytest

from fuzz import invariant, text_invariant, wires
from streamfold.detection import MAX_SNIFF_BYTES
from streamfold.dialects import DIALECTS
from streamfold.events import Details, PartStart
from streamfold.folding import Fold
from streamfold.folding.deltas import WholePart
from streamfold.framing import FRAMINGS
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart

from .chunkings import chunkings

SEEDS = [seed for seed in wires.seeds() if seed.suffix != ".txt"]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_seed_keeps_the_invariant(seed):
    framing = wires.framing_of(seed)
    text = seed.read_bytes()
    assert b"".join(wires.frames(text, framing)) == text
    wire = wires.encoded(text, framing)
    invariant.check_framing(wire, framing)
    invariant.check_wire(wire)
    if seed.stem in DIALECTS:
        invariant.check_wire(wire, seed.stem)


def test_seed_of_text_keeps_the_invariant():
    (seed,) = wires.seeds("text", "txt")
    stops, _, text = seed.read_text("utf-8").partition("\n\n")
    text_invariant.check_stops(text, stops.split("\n"))
    text_invariant.check_tags(text)


def test_everything_has_a_seed():
    assert {seed.stem for seed in SEEDS} >= set(DIALECTS)
    assert {wires.framing_of(seed) for seed in SEEDS} == set(FRAMINGS)


def test_resealed_message_is_whole():
    wire = bytearray(wires.encoded(b'chunk {"a":1}\nchunk {"b":2}', "aws_eventstream"))
    wire[40] ^= 1
    with_errors, _ = invariant._framed([bytes(wire)], "aws_eventstream")
    mended, _ = invariant._framed([wires.resealed(bytes(wire))], "aws_eventstream")
    assert (len(with_errors), len(mended)) == (1, 2)


# --- what was found -----------------------------------------------------------------------------------------


def test_a_stop_does_not_take_the_closing_tag_apart():
    """Reasoning released what the tags held, which was the beginning of the closing tag."""
    for pieces in chunkings("<think>Hm</think>Hello. World"):
        fold = Fold(".")
        for piece in pieces:
            fold.feed([piece])
        fold.close()
        assert (fold.reply.reasoning, fold.reply.text, fold.reply.verdict) == ("Hm", "Hello", Verdict.STOPPED)


@pytest.mark.parametrize(("n_pings", "is_found"), [(1_000, True), (10_000, False)])
def test_how_long_the_dialect_is_looked_for_does_not_depend_on_the_cuts(n_pings, is_found):
    start = b'data: {"type":"ping"}\n\n' * n_pings
    (seed,) = wires.seeds("anthropic_messages")
    end = seed.read_bytes()
    cuttings = ([start + end], [start, end], wires.cut(start + end, 997))
    replies = [invariant.told(invariant._folded(pieces, None, {})) for pieces in cuttings]
    assert replies[1:] == [replies[0], replies[0]]
    assert ("Hello" in replies[0]["choices"]) is is_found


def test_how_long_the_framing_is_looked_for_does_not_depend_on_the_cuts():
    line = b'{"choices":[{"index":0,"delta":{"content":"' + b"x" * MAX_SNIFF_BYTES + b'"}}]'
    for wire in (line + b"}\n", line + b',\n"model":"m"}\n', b" " * MAX_SNIFF_BYTES + line + b"}\n"):
        replies = [invariant._folded(pieces, None, {}) for pieces in ([wire], wires.cut(wire, len(wire) - 5))]
        assert invariant.told(replies[0]) == invariant.told(replies[1])


def test_text_after_details_of_another_part_is_not_put_before_it():
    """What is known of a part that has no words yet begins the part; the short way for text did not see it."""
    fold = Fold(tags=())
    fold.feed([PartStart(ReasoningPart), "a", Details(ReasoningPart, {"signature": "x"}), "b"])
    fold.close()
    assert [type(part) for part in fold.reply.parts] == [TextPart, ReasoningPart, TextPart]


def test_part_that_comes_whole_is_valid_unicode():
    parts = [
        ServerToolCall(None, "\ud83d", "\ude00"),
        ServerToolResult(None, "\ud83d", ["\ud83d"]),
        MediaPart("\ud83d", b""),
    ]
    fold = Fold()
    fold.feed([WholePart(part) for part in parts])
    fold.close()
    call, result, media = fold.reply.parts
    assert {call.name, call.arguments, result.name, media.media_type} == {"\ufffd"}
    assert result.content == ["\ud83d"]
