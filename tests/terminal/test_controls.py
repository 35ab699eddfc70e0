"""No control character of a model's text reaches the terminal."""

from __future__ import annotations

import pytest

from streamfold.terminal.controls import neutralised


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x202A])
def test_controls_are_shown_not_obeyed(code: int) -> None:
    shown = neutralised(f"a{chr(code)}b")
    kept = chr(code) in "\n\t"
    assert (chr(code) in shown) == kept
    assert (shown[0], shown[-1], len(shown)) == ("a", "b", 3)


def test_other_text_is_untouched() -> None:
    text = "a\tb\n中 👩‍🚀 \u200fעברית\u200e \xa0é"
    assert neutralised(text) is text
