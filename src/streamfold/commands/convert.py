"""Convert between raw bytes, recordings and other dialects, so that one provider's stream drives another's client.

The bytes go to standard output or to a file; with --recording the result is a recording that keeps the timing.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import CallerError
from ..intake import Options
from .exit_status import OK

SUMMARY = "convert a recording to raw bytes or to another dialect"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    from ..encoders import ENCODERS

    parser.add_argument("file", help="a recording, or the raw bytes of a stream")
    parser.add_argument("--to", metavar="NAME", help=f"say it as another dialect: {', '.join(ENCODERS)}")
    parser.add_argument("--recording", action="store_true", help="write a recording instead of raw bytes")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it; default: standard output")
    parser.add_argument("--dialect", metavar="NAME", help="the wire format, where the first bytes do not tell")


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    from ..recordings import Recording
    from ..recordings.conversion import as_recording, converted, wire_of

    recording = Recording.open(arguments.file)
    options: Options = {"dialect": arguments.dialect}
    wire = converted(recording, arguments.to, options) if arguments.to else wire_of(recording, options)
    content = b"".join([piece.data for piece in wire.pieces])
    if arguments.recording:
        content = as_recording(recording, wire)
    if arguments.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return OK
    try:
        Path(arguments.output).write_bytes(content)
    except OSError as error:
        raise CallerError(f"cannot write {arguments.output}: {error.strerror}") from error
    return OK
