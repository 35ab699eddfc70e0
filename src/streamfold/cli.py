"""The command ``streamfold``: watch a reply arrive, and learn how its stream ended.

Text goes to standard output as it arrives, everything else to standard error. Exit status: 0, the stream ended as its
sender or a stop sequence meant it to; 1, it broke off or failed; 2, the command was not understood; 130, Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from .commands import convert, diff, exit_status, fold, inspect, replay, run, serve
from .errors import CallerError, StreamfoldError

COMMANDS = {
    "run": run,
    "fold": fold,
    "serve": serve,
    "replay": replay,
    "inspect": inspect,
    "diff": diff,
    "convert": convert,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGINT, _interrupt_once)
    try:
        return int(arguments.execute(arguments))
    except CallerError as error:
        return _complain(error, exit_status.BAD_USAGE)
    except BrokenPipeError:
        return _leave_quietly()
    except (StreamfoldError, OSError) as error:
        return _complain(error, exit_status.FAILED)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="streamfold",
        description="Fold a language model's token stream into its answer.",
        epilog="Exit status: 0 ended as meant, 1 broke off or failed, 2 bad usage, 130 Ctrl-C.",
    )
    whole.add_argument("--version", action="version", version=f"streamfold {version('streamfold')}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.SUMMARY, description=command.__doc__)
        command.add_arguments(one)
        one.set_defaults(execute=command.execute)
    return whole


def _interrupt_once(number: int, frame: object) -> None:
    # Closing takes a moment, and `timeout -s INT` or an impatient hand sends more: they must not break it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _complain(error: Exception, status: int) -> int:
    print(f"streamfold: {error}", file=sys.stderr)
    return status


def _leave_quietly() -> int:
    # Whoever read our output has gone (`| head -1`). Python flushes at exit and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exit_status.PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
