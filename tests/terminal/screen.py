"""A terminal to run the command in: a pty, and pyte, an emulator that says what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyte

PATIENCE = 30.0  # seconds: nothing that is tested lasts longer on a busy machine


class Screen:
    """A command in a terminal.

    Attributes:
        output: All bytes that the terminal was sent.
    """

    def __init__(self, process: subprocess.Popen[bytes], master: int, columns: int, rows: int) -> None:
        self.process = process
        self.output = b""
        self._master = master
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without blanks at the ends."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def cell(self, row: int, column: int) -> pyte.screens.Char:
        return self._screen.buffer[row][column]

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what comes within `seconds`; return whether the command may still write."""
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux: the last one has closed the terminal
            return False
        self.output += data
        self._stream.feed(data)
        return bool(data)

    def wait_for(self, text: str) -> None:
        """Wait until `text` stands on the screen."""
        self.wait_until(lambda: text in self.text, text)

    def wait_for_last(self, line: str) -> None:
        """Wait until `line` is the last one on the screen."""
        self.wait_until(lambda: self.lines[-1] == line, line)

    def wait_until(self, done: Callable[[], object], text: str) -> None:
        until = time.monotonic() + PATIENCE
        while not done():
            going = self.read() and time.monotonic() < until
            assert going, f"no {text!r} on the screen:\n{self.text}"

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        until = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < until, f"no end:\n{self.text}"
            if self.process.poll() is not None and not select.select([self._master], [], [], 0.05)[0]:
                break
        return self.process.wait(PATIENCE)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C once the command waits for more: Python hears one in the moment before a read after the read."""
        time.sleep(0.3)
        os.killpg(self.process.pid, signal.SIGINT)

    def resize(self, columns: int, rows: int) -> None:
        _size(self._master, columns, rows)
        self._screen.resize(rows, columns)
        os.killpg(self.process.pid, signal.SIGWINCH)


@contextmanager
def terminal(
    *arguments: str,
    stdin: int | None = None,
    columns: int = 60,
    rows: int = 40,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Screen]:
    """Run ``streamfold`` with `arguments` in a terminal, which is also its standard input unless `stdin` is given."""
    master, slave = pty.openpty()
    _size(master, columns, rows)
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    process = subprocess.Popen(
        [sys.executable, "-m", "streamfold", *arguments],
        stdin=slave if stdin is None else stdin,
        stdout=slave,
        stderr=slave,
        env={**kept, "TERM": "xterm-256color", **(environment or {})},
        cwd=folder,
        preexec_fn=_own_terminal(slave),
    )
    os.close(slave)
    screen = Screen(process, master, columns, rows)
    try:
        yield screen
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


_NOT_INHERITED = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}


def _own_terminal(slave: int):  # type: ignore[no-untyped-def]
    def set_up() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal

    return set_up


def _size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
