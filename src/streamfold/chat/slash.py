"""The few commands that can be given in a conversation: a line that begins with a slash."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CallerError

HELP = {
    "/new": "begin a new conversation",
    "/list": "list the conversations kept",
    "/open N": "go on with conversation N",
    "/help": "show this",
    "/quit": "leave, as Ctrl-D does",
}
_NAMES = {line.split()[0] for line in HELP}
_SHOWN = ", ".join(sorted(_NAMES))


@dataclass(slots=True)
class Slash:
    """A command and what stands behind it."""

    name: str
    number: int | None = None


def parsed(line: str) -> Slash | None:
    """Return the command that `line` is; None if it is something to say, as is a line that begins with a space.

    Raises:
        CallerError: There is no such command, or it wants a number.
    """
    if not line.startswith("/"):
        return None
    name, _, rest = line.strip().partition(" ")
    if name not in _NAMES:
        raise CallerError(f"there is no {name}, only {_SHOWN}; to say it to the model, begin with a space")
    if name != "/open":
        return Slash(name)
    if not rest.strip().isdecimal():
        raise CallerError("/open wants the number of a conversation; /list shows them")
    return Slash(name, int(rest))


def help_text() -> str:
    """Return what `/help` prints."""
    lines = [f"  {line:10}{what}" for line, what in HELP.items()]
    notes = ["Ctrl-C stops a reply, which is kept. A line that ends with a backslash goes on in the next."]
    return "\n".join([*lines, *notes])
