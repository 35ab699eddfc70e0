"""What a dialect says to the fold: each frame of the wire, reduced to the facts in it.

A plain ``str`` is a piece of text of choice 0 and valid Unicode: nearly every delta of every stream is one.
`TextDelta`, `ReasoningDelta`, `RefusalDelta`, `PlanDelta`, `PartStart`, `PartBreak`, `Details` and `Usage` serve here
as they do in the events and in the reply, and an error (`ProviderError`, `DialectError`) is a delta like any other;
`UnreadUsage` is a report to be read later. The rest is below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ..errors import StreamfoldError
from ..events import Details, PartBreak, PartStart, PlanDelta, ReasoningDelta, RefusalDelta, TextDelta
from ..reply import Verdict
from ..reply.parts import Part
from ..reply.usage import UnreadUsage, Usage


@dataclass(slots=True)
class ToolCallPiece:
    """A piece of a tool call. Nothing in it is certain to be there; `tool_calls.py` tells which call it belongs to.

    Attributes:
        ended: Whether the provider says that the call is whole. Where it never does, the end of the choice ends it.
        server: Whether the provider executes the call itself.
        signature: The provider's seal on the call.
        free_text: Whether the arguments are free text, not JSON.
        server_name: The name of the MCP server that has the tool.
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    choice: int = 0
    ended: bool = False
    server: bool = False
    signature: str | None = None
    free_text: bool = False
    server_name: str | None = None


@dataclass(slots=True)
class WholePart:
    """A part that comes whole: a result of a tool of the provider's, an image, a sound."""

    part: Part
    choice: int = 0


@dataclass(slots=True)
class ChoiceEnd:
    """The model stopped: the provider's own word, ``None`` if it has none, and what it means."""

    reason: str | None
    verdict: Verdict
    choice: int = 0


@dataclass(slots=True)
class Logprobs:
    """Log-probabilities of the last tokens, as the provider gave them."""

    entries: Sequence[Any]
    choice: int = 0


@dataclass(slots=True)
class Identity:
    """Who answered. The first to say a thing is believed."""

    id: str | None = None
    model: str | None = None
    fingerprint: str | None = None

    def completed(self, later: Identity) -> Identity:
        """Return this with what only `later` says."""
        return Identity(self.id or later.id, self.model or later.model, self.fingerprint or later.fingerprint)


@dataclass(slots=True)
class Anomaly:
    """Something that a stream should not do, as a sentence, and how often it did it."""

    sentence: str
    n: int = 1


class Marker(Enum):
    """A delta without content."""

    END = "end"


END: Final = Marker.END
"""The provider's mark that nothing follows, such as ``[DONE]``."""

Delta = (
    str
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | PlanDelta
    | ToolCallPiece
    | PartStart
    | PartBreak
    | Details
    | WholePart
    | ChoiceEnd
    | Logprobs
    | Identity
    | Usage
    | UnreadUsage
    | Anomaly
    | StreamfoldError
    | Marker
)
