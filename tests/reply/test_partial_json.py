"""A look into JSON that still arrives: what it shows, at every cut, and what it costs."""

import builtins
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamfold.errors import CallerError
from streamfold.reply.partial_json import PartialJSON
from streamfold.reply.parts import ToolCall

from ..conftest import missing

try:
    import jiter
except ImportError:
    jiter = None


@pytest.fixture(autouse=True)
def _parser():
    if jiter is None:
        missing("the package jiter (extra [partial])")


def seen(*pieces):
    """Return the value at the end of `pieces`, after a look at each."""
    view = PartialJSON()
    for piece in pieces:
        view.feed(piece)
        assert view.value is view.value
    return view.value


# Arguments are an object. Of a number or a word that stands alone jiter says nothing before it is whole, and it drops
# an unfinished word inside of an array, where the case wants it guessed.
GUESSED = {"fixjson-02", "fixjson-09", "fixjson-13", "fixjson-16", "fixjson-17", "fixjson-18", "fixjson-30"}


def test_cases(shared):
    cases = json.loads((shared / "cases" / "json_partial_cases.json").read_text())
    got = {case["name"]: seen(case["input"]) for case in cases}
    wanted = {case["name"]: case.get("expected_value") for case in cases}
    assert {name for name in got if got[name] != wanted[name]} == GUESSED
    assert got == {case["name"]: seen(*case["input"]) for case in cases} | {name: got[name] for name in GUESSED}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "\n", "😀", "\\u", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def jiter_sees(text):
    try:
        return jiter.from_json(text.encode(), partial_mode="trailing-strings", catch_duplicate_keys=True)
    except ValueError:
        return None


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4) | VALUES, st.booleans(), st.data())
def test_every_look_at_every_cut_shows_what_the_parser_sees_in_the_whole(value, ascii, data):
    text = json.dumps(value, ensure_ascii=ascii)
    size = data.draw(st.integers(1, 9))
    view = PartialJSON()
    for start in range(0, len(text), size):
        view.feed(text[start : start + size])
        if data.draw(st.booleans()):
            assert view.value == jiter_sees(text[: start + size])
    assert view.value == value


NO_JSON = [
    '{"a":1, x',
    '{"a":NaN}',
    '{"a":1e}',
    '{"a":"\\q"}',
    '{"a":"\\ud83dxyzxyzxyz"}',
    "}",
    '{"a":1,}',
    '{"a":"\n"}',
]


@pytest.mark.parametrize("text", NO_JSON)
def test_text_that_is_no_json_leaves_the_value_as_it_is(text):
    shown = [{}, {"a": 1}, {"a": ""}, None]
    assert seen(*text, '"b":2}') in shown
    assert seen(text, '"b":2}') in shown


def test_a_lone_surrogate_is_no_text():
    assert seen('{"a":"x', "\ud83d", 'y"}') == {"a": "x"}


@pytest.mark.parametrize("more", ['{"b":2,"c":3}', " x", "}", "\\"])
def test_nothing_follows_a_whole_object(more):
    assert seen('{"a":1}', *more) == seen('{"a":1}' + more) == {"a": 1}


def test_of_a_member_said_twice_the_last_counts():
    assert seen('{"a":1,"b":"",', '"a":"x', 'y"') == {"a": "xy", "b": ""}


def test_the_value_grows_in_place():
    view = PartialJSON()
    view.feed('{"a":1,"b":{"c":["x')
    value = view.value
    view.feed('y"]},"d":')
    assert view.value is value
    assert value == {"a": 1, "b": {"c": ["xy"]}}


def test_nothing_fed():
    assert PartialJSON().value is None
    assert seen("", " ") is None


def test_an_open_call_can_be_looked_into_and_is_not_executable():
    call = ToolCall("c", "f", '{"city":"Par')
    assert call.partial() == {"city": "Par"}
    assert not call.complete


def test_a_call_in_free_text_is_its_own_partial_view():
    assert ToolCall("c", "f", '{"a', free_text=True).partial() == '{"a'


def test_without_the_parser_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def blocked(name, *rest, **more):
        if name == "jiter":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", blocked)
    with pytest.raises(CallerError, match=r"pip install 'streamfold\[partial\]'"):
        PartialJSON()
