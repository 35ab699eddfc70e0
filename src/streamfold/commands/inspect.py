"""Show what happened in a recorded stream: how it ended, when what came, how fast, where it stalled, and what it says.

In the terminal by default; --html writes one page that needs nothing else, --json prints all that was found.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from ..errors import CallerError, MissingExtraError
from .arguments import add_fold_options, fold_options
from .exit_status import OK
from .showing import print_json

SUMMARY = "show what happened in a recorded stream"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("file", help="a recording, or the raw bytes of a stream")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--html", metavar="PAGE", help="write one self-contained page")
    view.add_argument("--json", action="store_true", help="print all that was found as JSON")
    parser.add_argument("--dialect", metavar="NAME", help="the wire format, where the first bytes do not tell")
    add_fold_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    from ..inspection.facts import inspected
    from ..recordings import Recording

    recording = Recording.open(arguments.file)
    facts = inspected(recording, {**fold_options(arguments), "dialect": arguments.dialect})
    name = Path(arguments.file).name
    if arguments.json:
        from ..inspection.as_json import facts_json

        print_json(facts_json(facts, recording))
    elif arguments.html:
        from ..inspection.page import page

        _write(arguments.html, page(facts, recording, name))
    else:
        if find_spec("rich") is None:
            raise MissingExtraError("Rich", "terminal")
        from ..inspection.terminal import show

        show(facts, recording, name)
    return OK


def _write(path: str, content: str) -> None:
    try:
        Path(path).write_text(content, "utf-8")
    except OSError as error:
        raise CallerError(f"cannot write {path}: {error.strerror}") from error
