"""Write `docs/cli.md` from the command's own parser: ``make docs``. A test holds that it is fresh."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from streamfold.cli import parser

PATH = Path(__file__).with_name("cli.md")

HEAD = """\
<!-- Written by `make docs` from the command's own parser; edit that. -->
# streamfold(1)

Fold a language model's token stream into its answer: watch it arrive, and learn how it ended.

    streamfold [--version] [--help] COMMAND ...

The commands:
"""

TAIL = """\
## What is shown

Text goes to standard output as it arrives, everything else to standard error. Into a file or a pipe goes the text exactly.
On a terminal, with the extra `[terminal]`, the reply is laid out: Markdown is styled as it comes, reasoning is summed up in
a line, tool calls fill as they come. Nothing that stands is painted again. Control characters in a model's text are shown
as pictures and never obeyed. Links show their address. At the end a line tells the verdict, the tokens, the time to the
first, and the speed.

## Exit status

| status | meaning |
|---|---|
| 0 | the stream ended as its sender or a stop sequence meant it to |
| 1 | it broke off or failed; standard error says why |
| 2 | the command was not understood |
| 130 | Ctrl-C; what had come was shown |
| 141 | whoever read the output has gone, as in `streamfold ... \\| head -1` |

## Environment

| variable | meaning |
|---|---|
| `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GOOGLE_API_KEY` or `GEMINI_API_KEY`, `OLLAMA_API_KEY`, `LLAMA_API_KEY` | the key for that engine |
| `OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, `OLLAMA_HOST` | another server for that engine |
| `STREAMFOLD_API_KEY` | the key for a server that is named by its URL |
| `NO_COLOR` | no colours; bold and the like stay ([no-color.org](https://no-color.org)) |
| `FORCE_COLOR` | lay replies out even where the output is no terminal |
| `TERM=dumb` | a terminal that knows no styles: the text as it is |
| `COLUMNS` | the width to lay out for, instead of the terminal's own |
| `XDG_DATA_HOME` | where conversations are kept on Linux, instead of `~/.local/share` |

## Files

Conversations are kept in `streamfold/conversations.db` in the user's data folder (Linux `~/.local/share`, macOS
`~/Library/Application Support`, Windows `%LOCALAPPDATA%`): an SQLite file that its owner alone may read. To forget all of
them, delete it.
"""


def reference() -> str:
    """Return the page."""
    commands = _commands(parser())
    lines = [f"- [`{name}`](#streamfold-{name}): {one.summary}" for name, one in commands.items()]
    sections = [_section(name, one) for name, one in commands.items()]
    return "\n".join([HEAD, *lines, "", *sections, TAIL.rstrip(), ""])


class _Command(argparse.Namespace):
    summary: str
    parser: argparse.ArgumentParser


def _commands(whole: argparse.ArgumentParser) -> dict[str, _Command]:
    (group,) = [action for action in whole._actions if isinstance(action, argparse._SubParsersAction)]
    summaries = {action.dest: action.help or "" for action in group._choices_actions}
    return {name: _Command(summary=summaries[name], parser=one) for name, one in group.choices.items()}


def _section(name: str, command: _Command) -> str:
    actions = [action for action in command.parser._actions if action.dest != "help"]
    usage = " ".join([f"streamfold {name}", "[OPTION]...", *[_place(one) for one in actions if not one.option_strings]])
    lines = [f"## streamfold {name}", "", f"    {usage}", "", (command.parser.description or "").strip(), ""]
    return "\n".join([*lines, *_entries(actions), ""])


def _entries(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for action in actions:
        text = (action.help or "").replace("%%", "%").replace("|", "\\|")
        yield f"| `{_shown(action)}` | {text} |"


def _place(action: argparse.Action) -> str:
    name = (action.metavar or action.dest).upper() if isinstance(action.metavar or action.dest, str) else ""
    return f"[{name}]" if action.nargs == "?" else name


def _shown(action: argparse.Action) -> str:
    if not action.option_strings:
        return _place(action)
    value = f"{{{','.join(action.choices)}}}" if action.choices else action.metavar
    if value is None or action.nargs == 0:
        return ", ".join(action.option_strings)
    return f"{', '.join(action.option_strings)} {f'[{value}]' if action.nargs == '?' else value}"


if __name__ == "__main__":
    PATH.write_text(reference())
