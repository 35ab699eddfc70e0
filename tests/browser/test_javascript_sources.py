"""JavaScript's streams folded in Pyodide: the cases are in javascript_sources.py, what must come out is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WORDS = "The capital 東京 👩‍🚀"

EXPECTED: dict[str, Any] = {
    "text_and_usage": [WORDS, "complete", "m", 4, {"decode_tokens_per_s": 9.5}, []],
    "chunk_by_chunk": ["The", " capital", " 東京", " 👩‍🚀"],
    "reasoning": ["Hm", "\nYes"],
    "finish_reasons": {"stop": "complete", "length": "length", "abort": "cancelled", "tool_calls": "tool_calls"},
    "choices": ["a", "b"],
    "a_marker_over_chunks": [["Hello", " "], "stopped", ["made", "made", "made", "left"], False],
    "left_early": ["cancelled", ["made", "left"], "complete"],
    "left_before_the_first_chunk": [[], "complete"],
    "cancelled_while_waiting": [True, False, "complete"],
    "interrupted_and_drained": [["made", "interrupted", "drained", "left"], False],
    "not_interrupted_at_its_end": ["complete", False],
    "an_error": ["Hel", "errored", True, "the source raised JsException: Error: device lost"],
    "a_deadline": ["Hel", "timed_out", "complete"],
    "text_chunks": ["Hello", "complete"],
    "a_response": ["żółć", "complete"],
    "a_list": [WORDS, WORDS],
}


@pytest.fixture(scope="module")
def found(in_pyodide: Callable[..., Any]) -> Any:
    return in_pyodide("javascript_sources.py")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", EXPECTED)
def test_case(case: str, found: Any) -> None:
    assert found[case] == EXPECTED[case]


@pytest.mark.timeout(300)
def test_every_case_is_expected(found: Any) -> None:
    assert set(found) == set(EXPECTED)
