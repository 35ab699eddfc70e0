"""Replay a recording at its own pace, faster, or at once; in the terminal, or over HTTP for any client to be tested.

With --serve every request to the address that is printed gets the recording from its start: point a client's base URL
there. The server is on this machine alone. --cut-at, --stall-at and --chunking spoil the stream on purpose.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import cast

from ..errors import CallerError
from ..intake import StreamOptions
from .arguments import add_fold_options, add_output_options, fold_options, port
from .exit_status import OK
from .showing import show

SUMMARY = "replay a recording, in the terminal or as a server"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("file", help="a recording, or the raw bytes of a stream")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, metavar="N", help="N times as fast as it came (1)")
    pace.add_argument("--at-once", action="store_true", help="without waiting")
    parser.add_argument("--serve", action="store_true", help="serve it over HTTP on this machine")
    parser.add_argument("--port", type=port, metavar="N", help="with --serve: where to listen (a free port)")
    parser.add_argument("--to", metavar="NAME", help="with --serve: as another dialect; see convert")
    parser.add_argument("--cut-at", metavar="PLACE", help="break off after so many bytes (120) or a share (50%%)")
    parser.add_argument("--stall-at", metavar="PLACE", help="fall silent there, and keep the connection")
    parser.add_argument(
        "--chunking",
        default="original",
        metavar="HOW",
        help="cut the bytes anew: original, whole, bytes (one by one), or a number of bytes (original)",
    )
    parser.add_argument("--dialect", metavar="NAME", help="the wire format, where the first bytes do not tell")
    add_fold_options(parser)
    add_output_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    from ..recordings import Recording
    from ..recordings.faults import Faults, Place, chunking
    from ..recordings.pacing import replayed
    from ..recordings.server import ReplayServer

    for name in ("to", "port"):
        if getattr(arguments, name) is not None and not arguments.serve:
            raise CallerError(f"--{name} says how a recording is served: add --serve")
    if not arguments.speed > 0:
        raise CallerError(f"the speed is {arguments.speed:g}, expected a number above 0")
    recording = Recording.open(arguments.file)
    cut_at, stall_at = (text and Place.parse(text) for text in (arguments.cut_at, arguments.stall_at))
    faults = Faults(cut_at, stall_at, chunking(arguments.chunking))
    speed = None if arguments.at_once else arguments.speed
    options = recording.options({**fold_options(arguments), "dialect": arguments.dialect})
    if not arguments.serve:
        if faults != Faults() and not recording.is_wire:  # it is OpenAI chat then, whatever the chunks were
            options = fold_options(arguments)
        return show(replayed(recording, speed, faults, options), arguments, cast("StreamOptions", options))
    server = ReplayServer(
        recording, to=arguments.to, speed=speed, faults=faults, port=arguments.port or 0, options=options
    )
    with server, suppress(KeyboardInterrupt):
        print(f"serving {arguments.file} at {server.url}, whatever the path; Ctrl-C ends it", file=sys.stderr)
        server.serve_forever()
    return OK
