"""What several commands take from the command line, and what it means to the fold."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import cast

from ..intake import Options, StreamOptions


def port(text: str) -> int:
    """Return the number of a TCP port; 0 stands for a free one."""
    if text.isdecimal() and int(text) <= 65_535:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no port: give a number from 0, which takes a free one, to 65535")


def add_fold_options(parser: ArgumentParser) -> None:
    """Add how a stream is folded."""
    parser.add_argument(
        "--stop", action="append", metavar="TEXT", help="end where this text appears; may be given several times"
    )
    parser.add_argument("--include-stop", action="store_true", help="let the text end with the stop, not before it")


def fold_options(arguments: Namespace) -> Options:
    """Return the options of `add_fold_options` as the drivers take them."""
    return {"stop": arguments.stop, "include_stop": arguments.include_stop}


def add_record_option(parser: ArgumentParser) -> None:
    """Add where the stream is recorded."""
    parser.add_argument("--record", metavar="FILE", help="record the stream, to be replayed and inspected later")


def recorded(options: Options, arguments: Namespace) -> StreamOptions:
    """Return `options` and where the stream is recorded."""
    return cast("StreamOptions", {**options, "record": arguments.record})


def add_output_options(parser: ArgumentParser) -> None:
    """Add how a reply is shown: once, at its end, as JSON, or as `add_display_options` says."""
    parser.add_argument("--json", action="store_true", help="print the whole reply as JSON instead of its text")
    add_display_options(parser)


def add_display_options(parser: ArgumentParser) -> None:
    """Add how a reply is laid out on a terminal."""
    parser.add_argument(
        "--reasoning",
        choices=("summary", "show", "hide"),
        default="summary",
        help="sum the model's reasoning up in one line (default), show it, or hide it; on a terminal",
    )
    parser.add_argument("--smooth", action="store_true", help="let text that comes in bursts flow evenly")
