"""Tool calls out of pieces that do not say where they belong: the rows of the edge-case contract, and the rules."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamfold.errors import IncompleteToolCallError
from streamfold.folding.deltas import ToolCallPiece
from streamfold.folding.tool_calls import MAX_LOOKS, ToolCallAssembler, is_strict_json
from streamfold.reply.parts import ToolCall


def piece(index=None, id=None, name=None, arguments=None):
    return ToolCallPiece(index, id, name, arguments)


def assembled(pieces, ended=True):
    """Return the calls that `pieces` make."""
    tools = ToolCallAssembler()
    for one in pieces:
        call, _ = tools.feed(one)
        if one.arguments:
            call.arguments.append(one.arguments)
    for call in tools.calls:
        call.ended = ended
    return [call.freeze() for call in tools.calls]


def whole(id, name, arguments="{}"):
    return ToolCall(id, name, arguments, complete=True)


A1 = '{"a":1}'
ROWS = {
    "well behaved": (
        [piece(0, "c", "f", ""), piece(0, None, None, '{"a":'), piece(0, arguments="1}")],
        [("c", "f", A1)],
    ),
    "id and name in each piece": (
        [piece(0, "c", "f", ""), piece(0, "c", "f", '{"a":'), piece(0, "c", "f", "1}")],
        [("c", "f", A1)],
    ),
    "name in each piece, no id": ([piece(0, None, "f", '{"a":'), piece(0, None, "f", "1}")], [("f", A1)]),
    "name in each piece, nested arguments, no id": (
        [piece(0, None, "f", '{"a":{"b":1}'), piece(0, None, "f", "}")],
        [("f", '{"a":{"b":1}}')],
    ),
    "two calls, same index, other ids": (
        [piece(0, "c1", "f", A1), piece(0, "c2", "g", "{}")],
        [("c1", "f", A1), ("c2", "g", "{}")],
    ),
    "two calls of one tool, same index, other ids": (
        [piece(0, "c1", "f", A1), piece(0, "c2", "f", "{}"), piece(0, "c2", "f", " ")],
        [("c1", "f", A1), ("c2", "f", "{} ")],
    ),
    "two calls, same index, no ids": ([piece(0, None, "f", A1), piece(0, None, "g", "{}")], [("f", A1), ("g", "{}")]),
    "two calls of one tool, same index, no ids": (
        [piece(0, None, "f", A1), piece(0, None, "f", "{}")],
        [("f", A1), ("f", "{}")],
    ),
    "another id without a name": ([piece(0, "c1", "f", '{"a"'), piece(0, "c2", None, ":1}")], [("c1", "f", A1)]),
    "first index is 1": ([piece(1, "c", "f", "{}")], [("c", "f", "{}")]),
    "no index": ([piece(None, "c", "f", '{"a"'), piece(arguments=":1}")], [("c", "f", A1)]),
    "no index, two calls": (
        [piece(None, "c1", "f", '{"a"'), piece(arguments=":1}"), piece(None, "c2", "g", "{"), piece(arguments="}")],
        [("c1", "f", A1), ("c2", "g", "{}")],
    ),
    "no index, ids interleaved": (
        [
            piece(id="c1", name="f"),
            piece(id="c2", name="g"),
            piece(id="c1", arguments="{}"),
            piece(id="c2", arguments=A1),
        ],
        [("c1", "f", "{}"), ("c2", "g", A1)],
    ),
    "index only at first": ([piece(0, "c", "f", '{"a"'), piece(arguments=":1}")], [("c", "f", A1)]),
    "interleaved": (
        [
            piece(0, "c1", "f"),
            piece(1, "c2", "g"),
            piece(0, arguments='{"a"'),
            piece(1, arguments="{}"),
            piece(0, arguments=":1}"),
        ],
        [("c1", "f", A1), ("c2", "g", "{}")],
    ),
    "id in a later piece": ([piece(0, None, "f", '{"a"'), piece(0, "c", None, ":1}")], [("c", "f", A1)]),
    "id in a later piece, name again": ([piece(0, None, "f", '{"a"'), piece(0, "c", "f", ":1}")], [("c", "f", A1)]),
    "empty id": ([piece(0, "c", "f", '{"a"'), piece(0, "", "", ":1}")], [("c", "f", A1)]),
    "empty id first": ([piece(0, "", "f"), piece(0, "c", None, "{}")], [("c", "f", "{}")]),
    "split name": (
        [piece(0, "c", "get_"), piece(0, None, "weather"), piece(0, arguments="{}")],
        [("c", "get_weather", "{}")],
    ),
    "split name, then the whole": (
        [piece(0, "c", "get_"), piece(0, "c", "weather"), piece(0, "c", "get_weather", "{}")],
        [("c", "get_weather", "{}")],
    ),
    "name after the arguments": ([piece(0, "c", None, "{}"), piece(0, "c", "f")], [("c", "f", "{}")]),
    "name and id after the arguments": ([piece(0, None, None, '{"a"'), piece(0, "c", "f", ":1}")], [("c", "f", A1)]),
    "no arguments": ([piece(0, "c", "f")], [("c", "f", "{}")]),
    "blank arguments": ([piece(0, "c", "f", " \n")], [("c", "f", "{}")]),
    "nothing at all": ([piece()], [("", "{}")]),
}


@pytest.mark.parametrize(("pieces", "calls"), ROWS.values(), ids=ROWS)
def test_row(pieces, calls):
    wanted = [whole(*call) if len(call) == 3 else whole(None, *call) for call in calls]
    assert assembled(pieces) == wanted


def test_only_the_first_piece_of_a_call_is_new():
    tools = ToolCallAssembler()
    pieces = [piece(0, "c1", "f"), piece(0, "c1", "f"), piece(1, "c2", "g"), piece(0)]
    assert [tools.feed(one)[1] for one in pieces] == [True, False, True, False]


INCOMPLETE = {
    "cut": '{"a":',
    "not json": "{'a': 1}",
    "nan": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "two values": "{}{}",
    "too deep": "[" * 100_000,
    "a number of too many digits": "1" * 5000,
}


@pytest.mark.parametrize("arguments", INCOMPLETE.values(), ids=INCOMPLETE)
def test_call_is_complete_only_with_strict_json(arguments):
    assert assembled([piece(0, "c", "f", arguments)]) == [ToolCall("c", "f", arguments, complete=False)]


@pytest.mark.parametrize("arguments", ["", "{}", A1])
def test_call_is_complete_only_when_the_stream_ended_it(arguments):
    assert assembled([piece(0, "c", "f", arguments)], ended=False) == [ToolCall("c", "f", arguments)]


def test_incomplete_call_is_not_parsed():
    (call,) = assembled([piece(0, "c", "f", '{"a"')])
    with pytest.raises(IncompleteToolCallError, match="'f' is incomplete: 4 characters"):
        call.parse()


def test_complete_call_is_parsed():
    (call,) = assembled([piece(0, "c", "f", A1)])
    assert call.parse() == {"a": 1}


def test_looks_at_the_arguments_are_bounded():
    pieces = [piece(0, None, "f", "{}}")] * (MAX_LOOKS + 5)
    (call,) = assembled(pieces)
    assert call.arguments == "{}}" * len(pieces)


@pytest.mark.parametrize("text", ["{}", " [1, null] ", "0", '"a"', "true", json.dumps({"é": ["\ud83d", 1e9]})])
def test_strict_json(text):
    assert is_strict_json(text)


OBJECTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3).map(json.dumps)
CALLS = st.lists(st.tuples(st.sampled_from("fg"), OBJECTS), min_size=1, max_size=4)


def cut(data, index, name, arguments):
    """Draw a way to spread a call over pieces: its id and name once, or in each."""
    repeat = data.draw(st.booleans())
    at = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=3)))
    texts = [arguments[a:b] for a, b in zip([0, *at], [*at, len(arguments)], strict=True)]
    said = [(f"c{index}", name) if n == 0 or repeat else (None, None) for n in range(len(texts))]
    return [(*one, text) for one, text in zip(said, texts, strict=True)]


@settings(max_examples=40)
@given(CALLS, st.data())
def test_calls_interleaved_by_index_come_out_whole(calls, data):
    queues = [[piece(i, *rest) for rest in cut(data, i, *call)] for i, call in enumerate(calls)]
    pieces = []
    while any(queues):
        waiting = [queue for queue in queues if queue]
        pieces.append(data.draw(st.sampled_from(waiting)).pop(0))
    found = sorted(assembled(pieces), key=lambda call: call.id)
    assert found == [whole(f"c{i}", *call) for i, call in enumerate(calls)]


@settings(max_examples=40)
@given(CALLS, st.sampled_from([None, 0]), st.data())
def test_calls_without_a_useful_index_come_out_whole(calls, index, data):
    pieces = [piece(index, *rest) for i, call in enumerate(calls) for rest in cut(data, i, *call)]
    assert assembled(pieces) == [whole(f"c{i}", *call) for i, call in enumerate(calls)]
