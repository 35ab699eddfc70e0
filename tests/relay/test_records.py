"""Events as records and back: what a view gets from the log is what the producer saw."""

import json

import pytest

from fuzz.wires import encoded, framing_of, seeds
from streamfold import Decoder, StreamEnd, TextDelta, Verdict, stream
from streamfold.errors import EngineError, ProviderError
from streamfold.events import Details, ReasoningDelta, Reset
from streamfold.relay.records import Refold, Start, record_of, start_of, start_record
from streamfold.relay.rules.generation import LOST
from streamfold.reply import Choice, Reply
from streamfold.reply.parts import ReasoningPart

SEEDS = [seed for seed in seeds() if framing_of(seed) != "txt"]
START = Start("gen_1", "local", "m", 1_764_250_000.123)


def refolded(events):
    refold = Refold()
    shown = [event for one in events for event in refold.feed(record_of(one))]
    return shown, refold


def comparable(reply):
    said = reply.to_dict()
    for name in ("dialect", "fingerprint", "anomalies", "leftover"):
        del said[name]
    del said["usage"]["raw"], said["usage"]["final"]
    for choice in said["choices"]:
        del choice["logprobs"]
        # A call of the provider's own is told when it ends: until then nobody knows its place.
        choice["parts"].sort(key=lambda part: part["type"] == "server_tool_call")
    said["error"] = reply.error and getattr(reply.error, "message", str(reply.error))
    return said


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.parent.name}/{seed.name}")
def test_a_log_folds_into_the_reply_that_was_written(seed):
    decoder = Decoder()
    events = decoder.feed(encoded(seed.read_bytes(), framing_of(seed))) + decoder.close()
    shown, refold = refolded(events)
    reply = events[-1].reply
    if reply.verdict is Verdict.TRUNCATED and reply.error is None:
        reply.error = ProviderError("the stream broke off before its end", type="truncated")
    assert comparable(refold.reply) == comparable(reply)
    assert shown[-1].reply is refold.reply
    words = [event for event in events if isinstance(event, str | TextDelta | ReasoningDelta)]
    assert [event for event in shown if isinstance(event, str | TextDelta | ReasoningDelta)] == words


def test_the_start_is_a_record():
    record = start_record(START)
    assert json.loads(record) == {
        "type": "start",
        "id": "gen_1",
        "engine": "local",
        "model": "m",
        "created": 1_764_250_000.123,
    }
    assert start_of(record) == START
    refold = Refold()
    assert refold.feed(record) == []
    assert (refold.start, refold.n_records, refold.reply.verdict) == (START, 1, None)


def test_a_stop_tells_which_and_where():
    with stream(["Hello E", "ND more"], stop=["STOP", "END"]) as events:
        _, refold = refolded(list(events))
    assert refold.reply.verdict is Verdict.STOPPED
    assert (refold.reply.text, refold.reply.stop.string, refold.reply.stop.offset) == ("Hello ", "END", 6)


def test_the_end_says_what_it_took():
    with stream(["a", "b"]) as events:
        end = json.loads(record_of(list(events)[-1]))
    assert end["timing"]["deltas"] == 2
    assert {"first", "generating", "total", "per_second"} <= end["timing"].keys()
    assert end["verdict"] == "complete"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ProviderError("slow down", type="rate_limit", code="rpm", status=429),
            {"type": "rate_limit", "message": "slow down", "code": "rpm", "status": 429},
        ),
        (EngineError("no model"), {"type": "EngineError", "message": "no model"}),
    ],
)
def test_an_error_is_typed(error, said):
    end = StreamEnd(Reply(Verdict.ERRORED, error=error))
    assert json.loads(record_of(end))["error"] == said
    _, refold = refolded([end])
    assert refold.reply.verdict is Verdict.ERRORED
    assert refold.reply.error.message == said["message"]


def test_a_lost_producer_is_never_a_clean_end():
    refold = Refold()
    refold.feed(record_of("Hel"))
    refold.feed(LOST)
    assert (refold.reply.text, refold.reply.verdict) == ("Hel", Verdict.TRUNCATED)
    assert refold.reply.error.type == "producer_lost"


def test_a_deadline_that_passed_is_said():
    end = StreamEnd(Reply(Verdict.TIMED_OUT, passed="nothing came for 5 seconds"))
    _, refold = refolded([end])
    assert (refold.reply.verdict, str(refold.reply.error)) == (
        Verdict.TIMED_OUT,
        "nothing came for 5 seconds (timed_out)",
    )


def test_several_choices_keep_their_ends():
    choices = [Choice(0, [], "stop"), Choice(1, [], "length")]
    end = StreamEnd(Reply(Verdict.COMPLETE, choices))
    _, refold = refolded(["a", TextDelta("b", 1), end])
    assert [(choice.text, choice.finish_reason) for choice in refold.reply.choices] == [("a", "stop"), ("b", "length")]


def test_what_was_taken_back_is_gone():
    shown, refold = refolded(["Hel", Reset(2, "broke off"), "Hello"])
    assert refold.reply.text == "Hello"
    assert isinstance(shown[1], Reset)


def test_seals_are_kept():
    _, refold = refolded([ReasoningDelta("Hm"), Details(ReasoningPart, {"signature": "sig"})])
    assert refold.reply.parts == [ReasoningPart("Hm", signature="sig")]
