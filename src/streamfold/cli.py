"""The command ``streamfold``: watch a reply arrive, and learn how its stream ended.

Text goes to standard output as it arrives, everything else to standard error. Exit status: 0, the stream ended as its
sender or a stop sequence meant it to; 1, it broke off or failed; 2, the command was not understood; 130, Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from .commands import (
    chat,
    completion,
    convert,
    diff,
    exit_status,
    fold,
    inspect,
    interrupts,
    replay,
    run,
    serve,
)
from .errors import CallerError, StreamfoldError
from .terminal.controls import neutralised

COMMANDS = {
    "run": run,
    "chat": chat,
    "fold": fold,
    "serve": serve,
    "replay": replay,
    "inspect": inspect,
    "diff": diff,
    "convert": convert,
    "completion": completion,
}

EXAMPLES = """\
examples:
  streamfold run "Name three colours."              the model on this machine answers
  streamfold run "..." --engine openai --model M    a provider's does (its key in OPENAI_API_KEY)
  streamfold chat                                   talk; what was said is kept
  streamfold chat --continue                        go on with it tomorrow
  curl -sN URL -d @request.json | streamfold fold   any provider's stream, live
  streamfold run "..." --record reply.stream        write down what comes, and when
  streamfold inspect reply.stream                   see what happened in it
  streamfold COMMAND --help                         what a command can do
"""
STATUSES = "exit status: 0 ended as meant, 1 broke off or failed, 2 bad usage, 130 Ctrl-C"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    _open_what_is_closed()
    whole = parser()
    argv = sys.argv[1:] if argv is None else argv
    if not argv:
        whole.print_help(sys.stderr)
        return exit_status.BAD_USAGE
    arguments = whole.parse_args(argv)
    interrupts.arm()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks is no reason to fail
    try:
        return int(arguments.execute(arguments))
    except CallerError as error:
        return _complain(error, exit_status.BAD_USAGE)
    except BrokenPipeError:
        return _leave_quietly()
    except KeyboardInterrupt:
        return exit_status.INTERRUPTED
    except (StreamfoldError, OSError) as error:
        return _complain(error, exit_status.FAILED)


def _open_what_is_closed() -> None:
    """Let a standard stream that the caller has closed (``>&-``) be an empty one: Python has ``None`` for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open as long as we run)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = _Parser(
        prog="streamfold",
        description="Fold a language model's token stream into its answer: watch it arrive, and learn how it ended.",
        epilog=f"{EXAMPLES}\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"streamfold {version('streamfold')}")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.SUMMARY, description=command.__doc__)
        command.add_arguments(one)
        one.set_defaults(execute=command.execute, parser=whole)
    return whole


class _Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong, and where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(exit_status.BAD_USAGE, f"{self.prog}: {message}; `{self.prog} --help` tells more\n")


def _complain(error: Exception, status: int) -> int:
    print(neutralised(f"streamfold: {error}"), file=sys.stderr)
    return status


def _leave_quietly() -> int:
    # Whoever read our output has gone (`| head -1`). Python flushes at exit and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exit_status.PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
