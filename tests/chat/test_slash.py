"""The commands in a conversation."""

from __future__ import annotations

import pytest

from streamfold.chat.slash import Slash, help_text, parsed
from streamfold.errors import CallerError


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/new", Slash("/new")),
        ("/quit ", Slash("/quit")),
        ("/open 12", Slash("/open", 12)),
        ("hello /new", None),
        (" /etc/hosts says", None),
        ("", None),
    ],
)
def test_commands(line: str, command: Slash | None) -> None:
    assert parsed(line) == command


@pytest.mark.parametrize("line", ["/nonsense", "/", "/open", "/open x", "/open -1", "/etc/hosts"])
def test_what_is_none_is_a_sentence(line: str) -> None:
    with pytest.raises(CallerError):
        parsed(line)


def test_help_names_each() -> None:
    assert all(name in help_text() for name in ("/new", "/list", "/open N", "/help", "/quit", "Ctrl-C"))
