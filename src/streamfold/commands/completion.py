"""Print what a shell must be told to complete the commands and options of streamfold when the tab key is pressed.

For bash, in ~/.bashrc: eval "$(streamfold completion bash)". For zsh, once: streamfold completion zsh into a file
_streamfold in a folder of $fpath. For fish, once: streamfold completion fish into
~/.config/fish/completions/streamfold.fish.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib.util import find_spec

from ..errors import MissingExtraError
from . import exit_status

SUMMARY = "print the completion of a shell"
SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("shell", choices=SHELLS, help="for which shell")


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    if find_spec("shtab") is None:
        raise MissingExtraError("what writes completions", "terminal")
    import shtab

    print(shtab.complete(arguments.parser, arguments.shell))
    return exit_status.OK
