"""The command in a terminal, as a person sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from .screen import Screen, terminal

ERASES = re.compile(rb"\x1b\[[\d;]*[A-HJKPXSTf]|\x1b[78M]|[\r\x08]")
"""What moves the cursor back, erases or scrolls."""


def event(delta: dict[str, Any], **more: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, **more}]}).encode() + b"\n\n"


def said(text: str) -> bytes:
    return event({"content": text})


END = event({}, finish_reason="stop") + b"data: [DONE]\n\n"


class Wire:
    """What `streamfold fold` reads."""

    def __init__(self) -> None:
        self.reads, self._writes = os.pipe()

    def send(self, *data: bytes) -> None:
        os.write(self._writes, b"".join(data))

    def say(self, text: str, size: int = 4) -> None:
        for at in range(0, len(text), size):
            self.send(said(text[at : at + size]))

    def close(self) -> None:
        for end in (self.reads, self._writes):
            with suppress(OSError):
                os.close(end)

    def end(self) -> None:
        self.send(END)
        os.close(self._writes)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


TEXT = """# Title

Some **bold** words and `code`, then more words to wrap the line.

- one
- two 日本語 👩‍🚀

| a | b |
|---|---|
| 1 | 2 |

```python
def f(): pass
```
"""


def finished(screen: Screen, wire: Wire) -> str:
    wire.end()
    assert screen.wait() == 0
    return screen.text


def test_a_reply_is_laid_out_and_nothing_is_painted_twice(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads, columns=40) as screen:
        screen.wait_for("waiting")
        wire.say(TEXT)
        shown = finished(screen, wire)
    assert shown.split("\n")[:6] == [
        "Title",
        "",
        "Some bold words and code, then more",
        "words to wrap the line.",
        "",
        "• one",
    ]
    assert shown.split("\n")[7:14] == ["", "a   b", "─────", "1   2", "", "```python", "def f(): pass"]
    assert "日" in screen.lines[6]
    assert screen.cell(0, 0).bold
    assert screen.cell(2, 5).bold
    assert screen.cell(2, 20).fg == "cyan"
    spinner, _, text = screen.output.replace(b"\r\n", b"\n").partition(b"Title")
    assert b"\r\x1b[K" in spinner
    assert not ERASES.search(text)
    assert screen.lines[-1].startswith("[complete, first after")


def test_text_is_on_the_screen_as_it_arrives(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads) as screen:
        for piece, whole in (("Hel", "Hel"), ("lo, ", "Hello,"), ("wor", "Hello, wor"), ("ld", "Hello, world")):
            wire.send(said(piece))
            screen.wait_for(whole)


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_no_line_is_wider_than_the_terminal(wire: Wire, columns: int) -> None:
    with terminal("fold", stdin=wire.reads, columns=columns, rows=60) as screen:
        wire.say("word and more of them " * 20 + "\n" + "日本語の" * 30 + "\n- " + "an item " * 30 + "\n")
        shown = finished(screen, wire)
    assert not re.search(r"\S\n[a-z]{1,3}\n", shown)
    body = screen.output.replace(b"\r\n", b"\n").decode()
    assert "word and more" in body
    for line in screen.lines:
        assert len(line.rstrip()) <= columns
        assert not re.match(r"(ord|nd|ore|f|hem|tem)\b", line)  # no word is cut


def test_a_resize_holds_from_the_next_line_on(wire: Wire) -> None:
    line = "one two three four five six seven eight nine ten eleven twelve\n"
    with terminal("fold", stdin=wire.reads, columns=70) as screen:
        wire.say(line)
        screen.wait_for("twelve")
        screen.resize(40, 40)
        wire.say(line + "End")
        screen.wait_for("End")
        finished(screen, wire)
    assert b"nine ten eleven twelve\r\n" in screen.output
    assert re.search(rb"one two three four five six seven eight\r\nnine", screen.output)


def test_ctrl_c_stops_the_reply_and_keeps_it(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads) as screen:
        wire.send(said("So far, **bo"))
        screen.wait_for("So far,")
        screen.interrupt()
        assert screen.wait() == 130
        assert screen.lines[0] == "So far, **bo"
        assert "[cancelled" in screen.text
        assert b"Traceback" not in screen.output


def test_no_color_leaves_bold(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads, environment={"NO_COLOR": "1"}) as screen:
        wire.say("a **b** `c`\n")
        shown = finished(screen, wire)
    assert shown.startswith("a b c\n")
    assert screen.cell(0, 2).bold
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", screen.output)


def test_a_dumb_terminal_gets_the_text(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads, environment={"TERM": "dumb"}) as screen:
        wire.say("a **b** \x1b[2J\n")
        shown = finished(screen, wire)
    assert shown.startswith("a **b** ␛[2J\n")
    assert b"\x1b" not in screen.output


def test_reasoning_and_tool_calls(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads) as screen:
        wire.send(event({"reasoning_content": "Hm."}))
        screen.wait_for("thinking")
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a"'}}
        wire.send(event({"tool_calls": [call]}))
        screen.wait_for('→ look({"a"')
        wire.send(event({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}))
        shown = finished(screen, wire)
    assert re.match(r'thought for \d+\.\d s\n→ look\(\{"a":1\}\)\n\[tool_calls', shown)


def test_smooth_shows_the_same(wire: Wire) -> None:
    with terminal("fold", "--smooth", stdin=wire.reads, columns=40) as screen:
        wire.say(TEXT, 60)
        shown = finished(screen, wire)
    assert "def f(): pass" in shown
    assert "Some bold words and code, then more\nwords to wrap the line." in shown


def test_a_model_cannot_command_the_terminal(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads) as screen:
        wire.say("\x1b[2J\x1b]0;title\x07 \x9b31m safe\n")
        finished(screen, wire)
    assert b"\x1b[2J" not in screen.output
    assert b"\x1b]0" not in screen.output
    assert "\x9b".encode() not in screen.output


def test_force_color_lays_out_into_a_pipe() -> None:
    def out(**environment: str) -> bytes:
        command = [sys.executable, "-m", "streamfold", "fold"]
        wire = said("a **b**\n") + END
        environ = {**os.environ, "TERM": "xterm", **environment}
        return subprocess.run(command, input=wire, capture_output=True, env=environ, timeout=60, check=True).stdout

    assert out() == b"a **b**\n"
    assert out(FORCE_COLOR="1") == b"a \x1b[1mb\x1b[0m\n"


def test_a_reader_who_leaves_is_no_error() -> None:
    wire = b"".join(said(f"line {n}\n") for n in range(50_000)) + END
    command = f"{sys.executable} -m streamfold fold | head -1"
    for environment in ({}, {"FORCE_COLOR": "1"}):
        environ = {**os.environ, **environment}
        done = subprocess.run(
            ["bash", "-c", command], input=wire, capture_output=True, env=environ, timeout=60, check=False
        )
        assert (done.stdout, done.stderr) == (b"line 0\n", b"")


def test_the_spinner_tells_the_time_until_something_comes(wire: Wire) -> None:
    with terminal("fold", stdin=wire.reads) as screen:
        screen.wait_for("waiting 0.")
        began = time.monotonic()
        while "waiting 1." not in screen.text:
            assert screen.read()
            assert time.monotonic() < began + 30
        wire.send(said("Now"))
        screen.wait_for("Now")
        assert "waiting" not in screen.text
        assert screen.lines[0] == "Now"
