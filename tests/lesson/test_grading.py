"""The grader of the lesson page: a right solution passes every case, a wrong one fails just those that it breaks."""

from __future__ import annotations

import inspect

import pytest

from streamfold import contract
from streamfold.lesson.grading import grade, trace

from .solutions import RIGHT, WRONG


def failed(code: str) -> dict[str, str]:
    return {case["name"]: case["why"] for case in grade(code) if not case["passed"]}


def test_a_right_solution() -> None:
    assert failed(RIGHT) == {}


def test_streamfold_itself_is_a_right_solution() -> None:
    assert failed(f"from {contract.__name__} import consume_stream") == {}
    assert "consume_stream" in inspect.getsource(contract)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution(name: str) -> None:
    code, cases = WRONG[name]
    assert set(failed(code)) == cases


@pytest.mark.parametrize(
    ("name", "case", "why"),
    [
        ("goes on after the stop", "nothing after the stop is pulled", "'b' was pulled after the stop"),
        ("says too much", "the result has exactly three keys", "the result has 'chunks' as well"),
        ("returns nothing", "text is all the chunks, joined", "it returns None, expected a dict"),
        ("is not Python", "text is all the chunks, joined", "line 1: SyntaxError"),
        ("has another name", "text is all the chunks, joined", "there is no function consume_stream"),
    ],
)
def test_it_says_what_went_wrong(name: str, case: str, why: str) -> None:
    assert failed(WRONG[name][0])[case].startswith(why)


def test_an_error_is_told_with_the_readers_line() -> None:
    code = "def consume_stream(chunks, on_token, stop=None):\n    return texxt\n"
    assert set(failed(code).values()) == {"line 2: NameError: name 'texxt' is not defined"}


def test_what_happens_is_seen_in_its_order() -> None:
    result = {"text": "a", "n_tokens": 1, "stopped": True}
    expected = [("pull", "a"), ("token", "a"), ("pull", "END"), ("result", result)]
    assert trace(RIGHT, ["a", "END", "b"], "END") == expected


def test_what_happened_before_an_error_is_seen() -> None:
    code = "def consume_stream(chunks, on_token, stop=None):\n    next(chunks)\n    return 1 / 0\n"
    assert trace(code, ["a"], None) == [("pull", "a"), ("error", "line 3: ZeroDivisionError: division by zero")]
