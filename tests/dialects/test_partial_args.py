"""Arguments of a tool call that come value by value: one JSON object, or half of one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.dialects.partial_args import PartialArguments


def part(path, value, *, more=False):
    kinds = {str: "stringValue", int: "numberValue", float: "numberValue", bool: "boolValue", type(None): "nullValue"}
    return {"jsonPath": path, kinds[type(value)]: "NULL_VALUE" if value is None else value, "willContinue": more}


def written(*parts):
    arguments = PartialArguments()
    return "".join([arguments.add(one) for one in parts]) + arguments.close()


WRITTEN = {
    "nothing": ([], "{}"),
    "a string": ([part("$.a", "x")], '{"a":"x"}'),
    "a string in pieces": (
        [part("$.a", "x", more=True), part("$.a", 'y"\n', more=True), part("$.a", "")],
        '{"a":"xy\\"\\n"}',
    ),
    "a string that is left open": ([part("$.a", "x", more=True), part("$.b", 1)], '{"a":"x","b":1}'),
    "a string that is left open at the end": ([part("$.a", "x", more=True)], '{"a":"x"}'),
    "other values": (
        [part("$.a", 1), part("$.b", 1.5), part("$.c", True), part("$.d", None)],
        '{"a":1,"b":1.5,"c":true,"d":null}',
    ),
    "an array": ([part("$.a[0]", "x"), part("$.a[1]", "y"), part("$.b", 1)], '{"a":["x","y"],"b":1}'),
    "nested": (
        [part("$.a[0].b", 1), part("$.a[0].c", 2), part("$.a[1].b", 3), part("$.d.e[0][0]", 4)],
        '{"a":[{"b":1,"c":2},{"b":3}],"d":{"e":[[4]]}}',
    ),
    "quoted names": ([part("$['a b']", 1), part('$["c.d"].e', 2)], '{"a b":1,"c.d":{"e":2}}'),
    "snake case": ([{"json_path": "$.a", "string_value": "x", "will_continue": False}], '{"a":"x"}'),
}


@pytest.mark.parametrize(("parts", "text"), WRITTEN.values(), ids=WRITTEN)
def test_arguments(parts, text):
    assert written(*parts) == text
    json.loads(text)


REFUSED = {
    "the same value twice": [part("$.a", 1), part("$.a", 2)],
    "back to a closed object": [part("$.a.b", 1), part("$.c", 1), part("$.a.d", 1)],
    "back to a closed name": [part("$.a.b", 1), part("$.a.c", 1), part("$.a.b", 2)],
    "back to an element": [part("$.a[0].b", 1), part("$.a[1].b", 1), part("$.a[0].c", 1)],
    "an element left out": [part("$.a[0]", 1), part("$.a[2]", 1)],
    "an array from the middle": [part("$.a[1]", 1)],
    "a value that becomes an object": [part("$.a", 1), part("$.a.b", 1)],
    "an object that becomes a value": [part("$.a.b", 1), part("$.a", 1)],
    "an object that becomes an array": [part("$.a.b", 1), part("$.a[0]", 1)],
    "an array for the arguments": [part("$[0]", 1)],
    "no path": [{"stringValue": "x"}],
    "the root": [part("$", "x")],
    "a path of many values": [part("$.a[*]", 1)],
    "a path of a wrong type": [{"jsonPath": 5, "stringValue": "x"}],
    "no value": [{"jsonPath": "$.a"}],
    "a value of a wrong type": [{"jsonPath": "$.a", "stringValue": 5}],
    "a number that is none": [{"jsonPath": "$.a", "numberValue": True}],
}


@pytest.mark.parametrize("parts", REFUSED.values(), ids=REFUSED)
def test_path_that_cannot_be_written(parts):
    with pytest.raises(ValueError):  # noqa: PT011  # which one does not matter
        written(*parts)


NAMES = st.text("ab", min_size=1, max_size=2)
LEAVES = st.text('x"\\é\n', max_size=4) | st.integers() | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def parts_of(value, path):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from parts_of(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from parts_of(inner, f"{path}[{n}]")
    elif isinstance(value, str):
        yield from (part(path, letter, more=True) for letter in value)
        yield part(path, "")
    else:
        yield part(path, value)


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_object_taken_apart_is_put_together(value):
    assert json.loads(written(*parts_of(value, "$"))) == value
