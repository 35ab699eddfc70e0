"""The table of dialects: each keeps its promises, and none takes another's stream for its own."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import streamfold
from fuzz import invariant, wires
from streamfold.decoder import Decoder
from streamfold.detection import dialect_named, find_framing
from streamfold.dialects import ALIASES, DIALECTS
from streamfold.dialects.json_dialect import JSONDialect, decode
from streamfold.errors import CallerError, DialectError
from streamfold.framing import FramingError
from streamfold.reply import Verdict

FOLDER = Path(streamfold.__file__).parent / "dialects"
SEEDS = [seed for seed in wires.seeds() if seed.stem in DIALECTS]
EVERY = pytest.mark.parametrize("name", DIALECTS)
EVERY_SEED = pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)

MARKS_NO_END = {"writer_completions"}
"""Dialects of which no stream is known to be whole."""

HAS_NO_TEXT = {"mcp", "openai_media"}

OVERLAPS = {"bedrock_invoke": {"bedrock_agent"}, "watsonx": {"bedrock_models"}}
"""Dialects that would take another's frame too, and so have to be asked after it."""


def wire_of(seed):
    return wires.encoded(seed.read_bytes(), wires.framing_of(seed))


def frames_of(wire):
    framing = find_framing(wire, at_end=True)
    return [*framing.feed(wire), *framing.close()]


def recognisers(frame):
    """Return the dialects that recognise `frame`, as the decoder asks them."""
    assert not isinstance(frame, FramingError)
    event, data = ("message", frame) if isinstance(frame, bytes) else (frame.event, frame.data)
    values = decode(data)[0]
    value = values[0] if values and isinstance(values[0], dict) else {}
    return {name for name in DIALECTS if dialect_named(name).recognises(value, event)}


@EVERY
def test_dialect_is_what_the_table_says(name):
    assert (FOLDER / f"{name}.py").is_file()
    found = dialect_named(name)
    assert issubclass(found, JSONDialect)
    assert (found.NAME, found.__name__, found.__module__) == (name, DIALECTS[name], f"streamfold.dialects.{name}")


@EVERY
def test_docstring_opens_with_a_sample_of_the_wire(name):
    doc = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text("utf-8")))
    title, introduction, sample, *_ = doc.split("\n\n")
    assert title.endswith(".")
    assert introduction.endswith("::")
    assert sample.startswith("    ")


@pytest.mark.parametrize("alias", ALIASES)
def test_alias_is_another_name_of_a_dialect(alias):
    assert alias not in DIALECTS
    assert ALIASES[alias] == dialect_named(alias).NAME


@EVERY_SEED
def test_seed_is_recognised_by_its_own_dialect_alone(seed):
    told = [found for found in map(recognisers, frames_of(wire_of(seed))) if found]
    assert told[0] - OVERLAPS.get(seed.stem, set()) == {seed.stem}


def test_who_overlaps_is_asked_later():
    order = list(DIALECTS)
    assert all(order.index(name) < order.index(later) for name, others in OVERLAPS.items() for later in others)


@EVERY_SEED
def test_seed_folds_the_same_named_and_unnamed(seed):
    wire = wire_of(seed)
    named, unnamed = (invariant._folded([wire], name, {}) for name in (seed.stem, None))
    assert invariant.told(named) == invariant.told(unnamed)
    assert named.text == ("" if seed.stem in HAS_NO_TEXT else "Hello")
    whole = {Verdict.TRUNCATED} if seed.stem in MARKS_NO_END else {Verdict.COMPLETE, Verdict.TOOL_CALLS}
    assert named.verdict in whole
    assert named.anomalies == []
    assert all(call.complete for call in named.tool_calls)


STRANGERS = {
    "sse": b'data: {"utterance":"Hello"}\n\n',
    "ndjson": b'{"utterance":"Hel"}\n{"utterance":"lo"}\n',
    "json_body": b'{\n  "utterance": "Hello"\n}\n',
    "json_array": b'[{"utterance": "Hello"}]',
}


@pytest.mark.parametrize("wire", STRANGERS.values(), ids=STRANGERS)
def test_stranger_is_an_error_that_shows_it_and_lists_who_is_known(wire):
    reply = invariant.check_wire(wire)
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, DialectError)
    assert "utterance" in str(reply.error)
    assert all(name in str(reply.error) for name in DIALECTS)


@pytest.mark.parametrize("wire", [b"<html><body>Bad gateway</body></html>\n", b"upstream connect error"])
def test_what_is_no_wire_is_an_error_that_shows_it(wire):
    reply = invariant.check_wire(wire)
    assert reply.verdict is Verdict.ERRORED
    assert wire.strip().decode() in str(reply.error)


def test_unknown_name_is_the_callers_mistake():
    with pytest.raises(CallerError, match="openai_chat"):
        Decoder(dialect="acme")


def test_every_file_that_is_a_dialect_is_in_the_table():
    for path in FOLDER.glob("*.py"):
        names = {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}
        module = import_module(f"streamfold.dialects.{path.stem}") if path.stem != "__init__" else None
        dialects = [getattr(module, name) for name in names if isinstance(getattr(module, name, None), type)]
        named = {one.NAME for one in dialects if issubclass(one, JSONDialect) and "NAME" in vars(one)}
        assert named <= set(DIALECTS)
