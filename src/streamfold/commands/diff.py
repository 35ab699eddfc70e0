"""Compare two recorded streams: what they say, how they ended, and when it came.

The exit status is 0 if they say the same, whoever said it and whenever it came, and 1 if they do not.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from ..errors import MissingExtraError
from .exit_status import FAILED, OK

SUMMARY = "compare two recorded streams"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("first", help="a recording, or the raw bytes of a stream")
    parser.add_argument("second", help="another one")


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    if find_spec("rich") is None:
        raise MissingExtraError("Rich", "terminal")
    from ..inspection.comparison import show
    from ..inspection.difference import difference
    from ..inspection.facts import inspected
    from ..recordings import Recording

    paths = (arguments.first, arguments.second)
    first, second = (inspected(Recording.open(path), {}) for path in paths)
    found = difference(first, second)
    names = [Path(path).name for path in paths]
    if names[0] == names[1]:
        names = list(paths)
    show(found, names[0], names[1])
    return OK if found.is_same else FAILED
