"""Ask a model one thing, and show its reply as it arrives.

Unless another engine is named it is a model that runs on this device: no server, no account, no network.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ..chat.conversations import Turn
from .arguments import add_fold_options, add_output_options, add_record_option, fold_options, recorded
from .engines import add_engine_options, conversation_of, opened
from .showing import show

SUMMARY = "ask a model one thing"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("prompt", help="what to say to the model; - reads it from standard input")
    add_engine_options(parser)
    add_fold_options(parser)
    add_record_option(parser)
    add_output_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    conversation = conversation_of(arguments)
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    conversation.turns.append(Turn(prompt))
    with opened(conversation, arguments) as ask:
        return show(ask(conversation), arguments, recorded(fold_options(arguments), arguments))
