"""No control character of a model's text reaches the terminal."""

from __future__ import annotations

import json

import pytest

from streamfold.terminal.controls import escaped, neutralised


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x202A])
def test_controls_are_shown_not_obeyed(code: int) -> None:
    shown = neutralised(f"a{chr(code)}b")
    kept = chr(code) in "\n\t"
    assert (chr(code) in shown) == kept
    assert (shown[0], shown[-1], len(shown)) == ("a", "b", 3)


def test_json_says_the_same_without_them() -> None:
    value = {"a\x9b": "\x1b[31m\n\x7f\u202e中👩‍🚀\u200f"}
    shown = escaped(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(shown) == value
    assert neutralised(shown) is shown
    assert "中👩‍🚀\u200f" in shown


def test_other_text_is_untouched() -> None:
    text = "a\tb\n中 👩‍🚀 \u200fעברית\u200e \xa0é"
    assert neutralised(text) is text
