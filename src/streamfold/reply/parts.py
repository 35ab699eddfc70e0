"""What a reply consists of, part by part, in the order in which the model made them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..errors import IncompleteToolCallError


@dataclass(slots=True)
class TextPart:
    """A run of the answer's text.

    Attributes:
        citations: What the provider says the text rests on, as it came.
        signature: The provider's seal on the part, to be sent back unchanged (Gemini).
    """

    text: str
    citations: list[Any] = field(default_factory=list)
    signature: str | None = None


@dataclass(slots=True)
class ReasoningPart:
    """A run of the model's reasoning.

    Attributes:
        signature: The provider's seal on the part, to be sent back unchanged.
        redacted: Reasoning that the provider encrypted; `text` is then empty.
        id: The provider's id for the part (OpenAI Responses).
        details: The provider's own account of it, piece by piece as it came, to be sent back (OpenRouter's
            ``reasoning_details``, in which signatures and encrypted reasoning stand again).
    """

    text: str
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None
    details: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class RefusalPart:
    """A run of the model's refusal."""

    text: str


@dataclass(slots=True)
class PlanPart:
    """A run of what the model says it will do with its tools, where the provider sends it apart (Cohere)."""

    text: str


@dataclass(slots=True)
class ToolCall:
    """A call of a tool, as the model wrote it.

    Attributes:
        id: The provider's id for the call; ``None`` where it gave none.
        name: The tool's name.
        arguments: The arguments as the model wrote them: JSON text if `complete`, otherwise whatever was received.
        complete: Whether the call may be executed: the stream said that the call had ended *and* the arguments are
            strict JSON (RFC 8259) or `free_text`.
        signature: The provider's seal on the part, to be sent back unchanged (Gemini).
        free_text: Whether the arguments are free text, not JSON (OpenAI's custom tools).
    """

    id: str | None
    name: str
    arguments: str
    complete: bool = False
    signature: str | None = None
    free_text: bool = False

    def parse(self) -> Any:
        """Return the arguments as Python objects; free text as it is.

        Raises:
            IncompleteToolCallError: The call is not complete; `arguments` still holds what was received.
        """
        if not self.complete:
            raise IncompleteToolCallError(self)
        return self.arguments if self.free_text else json.loads(self.arguments)

    def partial(self) -> Any:
        """Return what can be told of the arguments so far: to be shown, never to be executed.

        This reads all that was received. To follow a call while it arrives, feed the arguments of each `ToolCallDelta`
        to a `partial_json.PartialJSON` instead, which does not begin anew each time.

        Returns:
            The arguments as Python objects, where strings may lack their end; ``None`` where nothing can be told.

        Raises:
            CallerError: The package `jiter` is not there (extra ``[partial]``).
        """
        from .partial_json import PartialJSON

        if self.free_text:
            return self.arguments
        arguments = PartialJSON()
        arguments.feed(self.arguments)
        return arguments.value


@dataclass(slots=True)
class ServerToolCall:
    """A call of a tool that the provider executes itself; the other attributes are those of `ToolCall`.

    Attributes:
        server_name: The name of the MCP server that has the tool, if it is one's.
    """

    id: str | None
    name: str
    arguments: str
    complete: bool = False
    server_name: str | None = None


@dataclass(slots=True)
class ServerToolResult:
    """What a tool of the provider's gave.

    Attributes:
        id: The id of the call that it answers, if the provider says so.
        name: The tool's name, or the provider's name for the kind of result.
        content: The result, as it came.
    """

    id: str | None
    name: str
    content: Any


@dataclass(slots=True)
class MediaPart:
    """An image or a sound.

    Attributes:
        media_type: Its type, such as ``"image/png"``; ``""`` where the provider does not say.
        data: Its bytes, decoded.
    """

    media_type: str
    data: bytes


Words = TextPart | ReasoningPart | RefusalPart | PlanPart
"""The parts that come word by word."""

Part = TextPart | ReasoningPart | RefusalPart | PlanPart | ToolCall | ServerToolCall | ServerToolResult | MediaPart
