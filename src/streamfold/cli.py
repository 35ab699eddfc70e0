"""The command ``streamfold``: watch a reply arrive, and learn how its stream ended.

Text goes to standard output as it arrives, everything else to standard error. Exit status: 0, the stream ended as its
sender or a stop sequence meant it to; 1, it broke off or failed; 2, the command was not understood; 130, Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from importlib.metadata import version
from typing import Any, BinaryIO

from .errors import CallerError, StreamfoldError
from .intake import Options
from .reply import Reply, Verdict
from .sync import stream

OK, FAILED, BAD_USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
MAX_TOKENS = 512  # small models may repeat themselves until the context is full
READ_SIZE = 65_536  # bytes; a read returns as soon as there are any

_ENDED_AS_MEANT = frozenset({Verdict.COMPLETE, Verdict.STOPPED, Verdict.TOOL_CALLS, Verdict.LENGTH})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGINT, _interrupt_once)
    try:
        return int(arguments.command(arguments))
    except CallerError as error:
        return _complain(error, BAD_USAGE)
    except (StreamfoldError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            return _leave_quietly()
        return _complain(error, FAILED)


def run(arguments: argparse.Namespace) -> int:
    """Stream a reply of the embedded engine."""
    from .engines.local import LocalEngine

    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    messages = [{"role": "system", "content": arguments.system}] if arguments.system else []
    messages.append({"role": "user", "content": prompt})
    names = ("max_tokens", "temperature", "seed")
    params = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    with LocalEngine(arguments.model) as engine, engine.chat(messages, **params) as generation:
        return _show(generation, arguments)


def fold(arguments: argparse.Namespace) -> int:
    """Fold wire bytes from a file or from standard input."""
    if arguments.file == "-":
        return _show(_reads(sys.stdin.buffer), arguments)
    try:
        file = open(arguments.file, "rb")  # noqa: SIM115 (closed below; a missing file is bad usage, a broken one not)
    except OSError as error:
        return _complain(error, BAD_USAGE)
    with file:
        return _show(_reads(file), arguments)


def _reads(file: BinaryIO) -> Iterator[bytes]:
    yield b""  # it is bytes that follow, even if none do
    while data := os.read(file.fileno(), READ_SIZE):
        yield data


def _show(source: Iterable[Any], arguments: argparse.Namespace) -> int:
    """Show the text of `source` as it arrives; then say how it ended."""
    started = time.monotonic()
    interrupted = False
    with closing(stream(source, **_options(arguments))) as events:
        try:
            for text in events.text_stream:
                if not arguments.json:
                    sys.stdout.write(text)
                    sys.stdout.flush()
        except KeyboardInterrupt:
            interrupted = True
    reply = events.reply
    if arguments.json:
        json.dump(reply.to_dict(), sys.stdout, ensure_ascii=False, indent=2)
    if arguments.json or sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()
    print(_status(reply, time.monotonic() - started), file=sys.stderr)
    if interrupted:
        return INTERRUPTED
    return OK if reply.verdict in _ENDED_AS_MEANT else FAILED


def _options(arguments: argparse.Namespace) -> Options:
    options: Options = {"stop": arguments.stop, "include_stop": arguments.include_stop}
    if dialect := getattr(arguments, "dialect", None):
        options["dialect"] = dialect
    return options


def _status(reply: Reply, seconds: float) -> str:
    """Return how the stream ended, as one line for people, and the tool calls before it."""
    lines = [
        f"tool call: {call.name}({call.arguments}){'' if call.complete else ' incomplete'}" for call in reply.tool_calls
    ]
    facts = [str(reply.verdict)]
    if reply.stop:
        facts = [f"stopped by {reply.stop.string!r} at character {reply.stop.offset:,}"]
    elif reply.error:
        facts.append(str(reply.error))
    if (tokens := reply.usage.output_tokens) is not None:
        facts.append(f"{tokens:,} tokens")
    facts.append(f"{seconds:.1f} s")
    return "\n".join([*lines, f"[{', '.join(facts)}]"])


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
    return PIPE_CLOSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="streamfold",
        description="Fold a language model's token stream into its answer.",
        epilog="Exit status: 0 ended as meant, 1 broke off or failed, 2 bad usage, 130 Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"streamfold {version('streamfold')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="stream a reply of a model on this device"))
    _add_fold(commands.add_parser("fold", help="fold the bytes of a recorded or piped stream"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.description = "Stream a reply of a model that runs on this device: no server, no account, no network."
    parser.add_argument("prompt", help="what to say to the model; - reads it from standard input")
    parser.add_argument("--system", metavar="TEXT", help="instructions that stand before the prompt")
    parser.add_argument("--model", metavar="PATH", help="a GGUF file (default: SmolLM2-135M-Instruct)")
    parser.add_argument(
        "--max-tokens", type=int, default=MAX_TOKENS, metavar="N", help=f"the most tokens to generate ({MAX_TOKENS})"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="0 always takes the likeliest token")
    parser.add_argument("--seed", type=int, metavar="N", help="makes a reply repeatable")
    _add_common(parser, run)


def _add_fold(parser: argparse.ArgumentParser) -> None:
    parser.description = "Fold the bytes of any provider's stream, live: curl -N ... | streamfold fold"
    parser.add_argument("file", nargs="?", default="-", help="a file; default: standard input")
    parser.add_argument("--dialect", metavar="NAME", help="the wire format, where the first bytes do not tell")
    _add_common(parser, fold)


def _add_common(parser: argparse.ArgumentParser, command: Any) -> None:
    parser.add_argument(
        "--stop", action="append", metavar="TEXT", help="end where this text appears; may be given several times"
    )
    parser.add_argument("--include-stop", action="store_true", help="let the text end with the stop, not before it")
    parser.add_argument("--json", action="store_true", help="print the whole reply as JSON instead of its text")
    parser.set_defaults(command=command)


if __name__ == "__main__":
    sys.exit(main())
