"""Fold the bytes of any provider's stream, live: curl -N ... | streamfold fold."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import CallerError
from ..intake import Options
from ..recordings.format import is_recording
from .arguments import add_fold_options, add_output_options, add_record_option, fold_options, recorded
from .showing import show

SUMMARY = "fold the bytes of a recorded or piped stream"
READ_SIZE = 65_536  # bytes; a read returns as soon as there are any


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("file", nargs="?", default="-", help="raw bytes or a recording; default: standard input")
    parser.add_argument("--dialect", metavar="NAME", help="the wire format, where the first bytes do not tell")
    add_fold_options(parser)
    add_record_option(parser)
    add_output_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    with _opened(arguments.file) as file:
        options: Options = {**fold_options(arguments), "dialect": arguments.dialect}
        return show(_reads(file), arguments, recorded(options, arguments))


def _opened(path: str) -> BinaryIO:
    if path == "-":
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    try:
        return open(path, "rb")
    except OSError as error:
        raise CallerError(f"cannot read {path}: {error.strerror}") from error


def _reads(file: BinaryIO) -> Iterator[Any]:
    """Yield what a stream brings, or what a recording of one did."""
    start = os.read(file.fileno(), READ_SIZE)
    if is_recording(start):
        from ..recordings import Recording

        yield from Recording.parse(start + file.read())
        return
    yield start  # it is bytes that follow, even if none do
    while data := os.read(file.fileno(), READ_SIZE):
        yield data
