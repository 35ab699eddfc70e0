"""Encoders: events into the wire of a dialect, so that the stream of one provider can drive a client of another.

One file for each wire format, named after its dialect; `ENCODERS` is the table. An encoder takes the events of one
stream, one by one, and gives the bytes that say the same, at once: nothing is held back that its format can say by
then. It is pure, and knows no file and no socket.

What a format has no place for is left out: alternatives beside the first (all but OpenAI and Gemini), tools that the
provider executes (all but Anthropic and the AI SDK), log-probabilities. Refusals and plans become text and reasoning
where they have no place of their own. A stream that was cut off, cancelled or timed out gets no end, so that it is
`truncated` for its next reader too, and never complete by mistake; an error becomes an error of the format. Where a
format demands an id for a tool call and there was none, the call gets one of its place: ``call_0``; where Anthropic's
demands a number that nobody counted, it is 0. What was said cannot be taken back but in the AI SDK's format, so a
`Reset` is a `CallerError` in all others: do not let a request restart whose reply is encoded as it comes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Protocol

from ..errors import CallerError
from ..events import Event

ENCODERS = {
    "openai_chat": "OpenAIChatEncoder",
    "openai_responses": "OpenAIResponsesEncoder",
    "anthropic_messages": "AnthropicMessagesEncoder",
    "gemini": "GeminiEncoder",
    "ollama_chat": "OllamaChatEncoder",
    "ui_messages": "UIMessagesEncoder",
}
"""From the name of the dialect, which is also the file's, to the class in it."""


class Encoder(Protocol):
    """What every encoder has.

    Args:
        id: The reply's id.
        model: The model that answers.
        created: When the reply was made, in seconds since 1970; for the formats that say so.
    """

    CONTENT_TYPE: ClassVar[str]
    """The value of the HTTP header."""
    HEADERS: ClassVar[dict[str, str]]
    """Other HTTP headers that belong to the format."""

    def __init__(self, id: str | None = None, model: str | None = None, created: float = 0) -> None: ...

    def feed(self, event: Event | str) -> bytes:
        """Return the bytes that say `event`; a ``str`` is text. `StreamEnd` is the last one.

        Raises:
            CallerError: It is a `Reset`, and the format cannot take back what it said.
        """
        ...


def encoder_named(name: str) -> type[Encoder]:
    """Return the encoder of the dialect called `name`.

    Raises:
        CallerError: There is none; the message lists them.
    """
    if name not in ENCODERS:
        raise CallerError(f"no encoder {name!r}; there are {', '.join(ENCODERS)}")
    found: Any = getattr(import_module(f".{name}", __name__), ENCODERS[name])
    return found  # type: ignore[no-any-return]
