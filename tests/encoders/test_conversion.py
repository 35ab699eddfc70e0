"""What an encoder writes folds into the reply that it was written from, as far as its format can say it."""

import pytest

from fuzz.wires import encoded, framing_of, seeds
from streamfold import Decoder, Verdict
from streamfold.encoders import ENCODERS, encoder_named
from streamfold.reply.parts import (
    PlanPart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCall,
)

from ..test_corpus import RECORDINGS, every, wire_of

MANY_CHOICES = {"openai_chat", "gemini"}
SERVER_TOOLS = {"ui_messages"}
WHOLE_CALLS = {"gemini", "ollama_chat"}
REFUSALS = {"openai_chat", "openai_responses"}
CUT = {Verdict.TRUNCATED, Verdict.TIMED_OUT, Verdict.CANCELLED}
KINDS = {TextPart: "text", ReasoningPart: "reasoning", RefusalPart: "text", PlanPart: "reasoning"}

NAMES = pytest.mark.parametrize("name", ENCODERS)
SEEDS = [seed for seed in seeds() if framing_of(seed) != "txt"]


def events_of(wire):
    decoder = Decoder()
    return decoder.feed(wire) + decoder.close()


def converted(events, name):
    reply = events[-1].reply
    encoder = encoder_named(name)(reply.id, reply.model, 1_700_000_000)
    return b"".join([encoder.feed(event) for event in events])


def carried(reply, name):
    """Return what the format called `name` can say of `reply`, comparably."""
    return {
        "choices": [_parts(choice, name) for choice in reply.choices[: None if name in MANY_CHOICES else 1]],
        "verdict": _verdict(reply, name),
        "usage": _usage(reply, name) if reply.verdict not in CUT | {Verdict.ERRORED} else None,
        "error": reply.error and getattr(reply.error, "message", str(reply.error)),
    }


def _parts(choice, name):
    said, calls = [], []
    for part in choice.parts:
        if kind := KINDS.get(type(part)):
            kind = "refusal" if isinstance(part, RefusalPart) and name in REFUSALS else kind
            if said and said[-1][0] == kind:
                said[-1] = (kind, said[-1][1] + part.text)
            elif part.text:
                said.append((kind, part.text))
        elif isinstance(part, ToolCall):
            calls.append(part)
            call = _call(part, len(calls) - 1, name)
            if name not in WHOLE_CALLS:
                said.append(call)
            elif part.complete:
                calls[-1] = call
    return [*said, *[call for call in calls if isinstance(call, tuple)]] if name in WHOLE_CALLS else said


def _call(call, place, name):
    id = call.id if name in WHOLE_CALLS else call.id or f"call_{place}"
    arguments = call.parse() if call.complete else call.arguments
    if name in WHOLE_CALLS and not isinstance(arguments, dict):
        arguments = {"input": arguments}
    return ("call", id, call.name, arguments, call.complete)


def _verdict(reply, name):
    if reply.verdict is Verdict.CANCELLED and name == "ui_messages":
        return Verdict.CANCELLED
    if reply.verdict in CUT:
        return Verdict.TRUNCATED
    natural = {Verdict.COMPLETE, Verdict.TOOL_CALLS}
    if reply.verdict in natural | ({Verdict.FILTERED, Verdict.REFUSED} if name == "ollama_chat" else set()):
        called = [call for call in reply.tool_calls if call.complete or name not in WHOLE_CALLS]
        return Verdict.TOOL_CALLS if called or _says_calls(reply, name) else Verdict.COMPLETE
    if name == "openai_responses" and reply.verdict is Verdict.REFUSED and not reply.refusal:
        return Verdict.FILTERED
    if name in ("gemini", "ui_messages") and reply.verdict is Verdict.REFUSED:
        return Verdict.FILTERED
    return reply.verdict


def _says_calls(reply, name):
    return reply.verdict is Verdict.TOOL_CALLS and name not in WHOLE_CALLS | {"openai_responses"}


def _usage(reply, name):
    usage = reply.usage
    counts = [usage.input_tokens, usage.output_tokens]
    if name == "anthropic_messages":
        counts = [count or 0 for count in counts]  # the format demands numbers
    return counts if name == "ollama_chat" else [*counts, usage.cached_tokens, usage.reasoning_tokens]


def check(wire, name):
    events = events_of(wire)
    other = converted(events, name)
    again = events_of(other)[-1].reply
    assert carried(again, name) == carried(events[-1].reply, name)
    assert again.dialect == name or (not again.parts and again.dialect in (None, "openai_chat"))
    assert not again.anomalies


@NAMES
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_own_streams(seed, name):
    if seed.name == "ui_messages.sse" and name != "ui_messages":
        pytest.skip("its call is known to be the server's only when its result comes: too late for the other formats")
    check(encoded(seed.read_bytes(), framing_of(seed)), name)


@NAMES
@every(RECORDINGS)
def test_recorded_streams(recording, name, shared):
    check(wire_of(recording), name)
