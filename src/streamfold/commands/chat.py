"""Talk to a model, with memory: what was said is kept on this device, and can be gone on with.

Ctrl-C stops a reply and keeps what came of it; Ctrl-D leaves; /help tells the rest.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from ..chat.conversations import Conversation, Conversations, default_path
from ..chat.slash import help_text, parsed
from ..errors import CallerError, MissingExtraError, StreamfoldError
from ..events import TextDelta
from ..intake import StreamOptions
from ..reply import Verdict
from ..terminal.controls import neutralised
from . import exit_status, interrupts
from .arguments import add_display_options
from .engines import Ask, add_engine_options, conversation_of, opened
from .showing import display, watch
from .status import status_line

SUMMARY = "talk to a model, with memory"
LATEST = -1


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--continue",
        dest="go_on",
        type=int,
        nargs="?",
        const=LATEST,
        metavar="N",
        help="go on with conversation N; without a number, with the one that was begun last",
    )
    parser.add_argument("--list", action="store_true", help="list the conversations kept, and leave")
    add_engine_options(parser)
    parser.add_argument(
        "--record", metavar="FOLDER", help="record each reply's stream in this folder, as CONVERSATION-TURN.stream"
    )
    add_display_options(parser)


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    if find_spec("platformdirs") is None:
        raise MissingExtraError("what `streamfold chat` needs", "terminal")
    if arguments.record is not None:
        _make_folder(arguments.record)
    with Conversations(default_path()) as kept:
        if arguments.list:
            _list(kept)
            return exit_status.OK
        conversation: Conversation | None = _first(kept, arguments)
        while conversation is not None:
            with opened(conversation, arguments) as ask:
                _greet(conversation, arguments)
                conversation = _talk(kept, conversation, ask, arguments)
    return exit_status.OK


def _first(kept: Conversations, arguments: Namespace) -> Conversation:
    if arguments.go_on is None:
        return conversation_of(arguments)
    conversation = kept.get(None if arguments.go_on == LATEST else arguments.go_on)
    if arguments.engine:
        conversation.engine, conversation.model = arguments.engine, arguments.model
    conversation.model = arguments.model or conversation.model
    conversation.system = arguments.system or conversation.system
    return conversation


def _talk(kept: Conversations, conversation: Conversation, ask: Ask, arguments: Namespace) -> Conversation | None:
    """Talk until the user leaves, which returns None, or turns to another conversation, which is returned."""
    while True:
        interrupts.arm()
        try:
            said = _read()
            slash = parsed(said)
            if slash is None:
                if said.strip():
                    _turn(kept, conversation, said, ask, arguments)
                continue
            match slash.name:
                case "/new":
                    return Conversation(conversation.engine, conversation.model, conversation.system)
                case "/open":
                    return kept.get(slash.number)
                case "/list":
                    _list(kept)
                case "/help":
                    print(help_text())
                case "/quit":
                    return None
        except EOFError:
            _end_line()
            return None
        except KeyboardInterrupt:
            _end_line()
            _note("Ctrl-D leaves")
        except StreamfoldError as error:
            _note(str(error))


def _turn(kept: Conversations, conversation: Conversation, said: str, ask: Ask, arguments: Namespace) -> None:
    """Say something to the model and show its reply; without one, the turn is taken back."""
    kept.add(conversation, said)
    answered = False
    try:
        with display(arguments) as shown:
            watched = watch(ask(conversation), _recorded(conversation, arguments), shown)
        if not sys.stdout.isatty():
            print(flush=True)  # between two replies; a terminal is at the start of a line already
        if watched.reply.parts:
            kept.keep(conversation, watched.reply)
            answered = True
        print(status_line(watched.reply), file=sys.stderr)
        if watched.reply.verdict is Verdict.TOOL_CALLS:
            _note("the model waits for its tools: what you say next is sent as their result")
    except KeyboardInterrupt:
        _end_line()  # it had not even been asked
    finally:
        if not answered:
            kept.drop(conversation)
            _note("no reply: what you said is not kept")


def _make_folder(path: str) -> None:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallerError(f"cannot write into {path}: {error.strerror}") from error


def _recorded(conversation: Conversation, arguments: Namespace) -> StreamOptions:
    """Return where the reply to the last turn is recorded."""
    if arguments.record is None:
        return {}
    return {"record": Path(arguments.record) / f"{conversation.id}-{len(conversation.turns)}.stream"}


def _read() -> str:
    """Read what the user says: a line, or several where each but the last ends with a backslash."""
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    if asks and find_spec("readline"):
        import readline  # input() then edits its line, and remembers the last ones

        readline.parse_and_bind("set enable-bracketed-paste on")  # what is pasted is one turn, whatever its lines
    said = input("> " if asks else "")
    while said.endswith("\\"):
        said = said[:-1] + "\n" + input("… " if asks else "")
    return said


def _greet(conversation: Conversation, arguments: Namespace) -> None:
    with_whom = conversation.engine + (f" {conversation.model}" if conversation.model else "")
    if not conversation.turns:
        _note(f"a new conversation with {with_whom}; /help helps, Ctrl-D leaves")
        return
    _note(f"conversation {conversation.id} with {with_whom}, {len(conversation.turns)} turns; the last:")
    last = conversation.turns[-1]
    print(neutralised(f"> {last.said}"))
    if last.reply is not None:
        with display(arguments) as shown:
            shown(TextDelta(last.reply.text))


def _list(kept: Conversations) -> None:
    for one in kept.list():
        title = " ".join(one.title.split())
        whom = f"{one.engine}{' ' + one.model if one.model else ''}"
        print(neutralised(f"{one.id:4}  {one.started}  {whom}, {one.n_turns}: {title}"))


def _note(text: str) -> None:
    print(neutralised(f"[{text}]"), file=sys.stderr)


def _end_line() -> None:
    if sys.stdout.isatty():
        print()
