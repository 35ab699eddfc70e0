"""Stream a reply of a model that runs on this device: no server, no account, no network."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from .arguments import add_fold_options, add_output_options, add_record_option, fold_options, recorded
from .showing import show

SUMMARY = "stream a reply of a model on this device"
MAX_TOKENS = 512  # small models may repeat themselves until the context is full


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("prompt", help="what to say to the model; - reads it from standard input")
    parser.add_argument("--system", metavar="TEXT", help="instructions that stand before the prompt")
    parser.add_argument("--model", metavar="PATH", help="a GGUF file (default: SmolLM2-135M-Instruct)")
    parser.add_argument(
        "--max-tokens", type=int, default=MAX_TOKENS, metavar="N", help=f"the most tokens to generate ({MAX_TOKENS})"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="0 always takes the likeliest token")
    parser.add_argument("--seed", type=int, metavar="N", help="makes a reply repeatable")
    add_fold_options(parser)
    add_record_option(parser)
    add_output_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    from ..engines.local import LocalEngine

    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    messages = [{"role": "system", "content": arguments.system}] if arguments.system else []
    messages.append({"role": "user", "content": prompt})
    names = ("max_tokens", "temperature", "seed")
    params = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    with LocalEngine(arguments.model) as engine, engine.chat(messages, **params) as generation:
        return show(generation, arguments, recorded(fold_options(arguments), arguments))
