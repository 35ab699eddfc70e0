"""Show a stream as it arrives; then say how it ended.

On a terminal the reply is laid out, if the extra ``[terminal]`` is there. A file or a pipe gets the text, exactly; a
terminal that knows no styles the text without its control characters. Everything that is not the text goes to standard
error where the text may be for a program.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from ..events import Event, TextDelta
from ..intake import StreamOptions
from ..network.request import Request
from ..reply import Reply
from ..sync import stream
from ..terminal.controls import neutralised
from . import exit_status
from .status import status_line, tool_call_lines

Source = Iterable[Any] | Request
Show = Callable[[Event], object]


class Watched(NamedTuple):
    """A stream that was shown to its end: its reply, and whether Ctrl-C ended it."""

    reply: Reply
    interrupted: bool


def show(source: Source, arguments: Namespace, options: StreamOptions) -> int:
    """Show `source` as it arrives, or its reply as JSON at the end; return the exit status."""
    if arguments.json:
        watched = watch(source, options, _nothing)
        json.dump(watched.reply.to_dict(), sys.stdout, ensure_ascii=False, indent=2)
        print(flush=True)
    else:
        with display(arguments) as shown:
            watched = watch(source, options, shown)
    if arguments.json or not lays_out():
        for line in tool_call_lines(watched.reply):
            print(line, file=sys.stderr)
    print(status_line(watched.reply), file=sys.stderr)
    return exit_status.INTERRUPTED if watched.interrupted else exit_status.of_reply(watched.reply)


def watch(source: Source, options: StreamOptions, shown: Show) -> Watched:
    """Hand every event of `source` to `shown`; Ctrl-C ends it, and what was received stays."""
    interrupted = False
    with closing(stream(source, **options)) as events:
        try:
            for event in events:
                shown(event)
        except KeyboardInterrupt:
            interrupted = True
    return Watched(events.reply, interrupted)


@contextmanager
def display(arguments: Namespace) -> Iterator[Show]:
    """Give what shows an event on standard output; on a terminal the last line is ended on the way out."""
    if lays_out():
        from ..terminal.live import Live

        with Live(sys.stdout, reasoning=arguments.reasoning, smooth=arguments.smooth) as live:
            yield live.feed
    elif sys.stdout.isatty():
        yield lambda event: _write(neutralised(_text(event)))
        _write("\n")
    else:
        yield lambda event: _write(_text(event))


def lays_out() -> bool:
    """Tell whether replies are laid out: standard output is a terminal, and Rich is there."""
    if find_spec("rich") is None or find_spec("wcwidth") is None:
        return False
    from ..terminal.live import suits

    return suits(sys.stdout)


def _text(event: Event) -> str:
    return event.text if isinstance(event, TextDelta) and event.choice == 0 else ""


def _write(text: str) -> None:
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def _nothing(event: Event) -> None:
    """Show nothing."""
