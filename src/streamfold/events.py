"""What comes out of a stream: one small record for each thing that happened.

Text is by far the most frequent, so inside streamfold a text delta of choice 0 travels as a plain ``str``; it becomes
a `TextDelta` only where a caller iterates events. All records are slotted and cheap, and none of them repeats what came
before: the accumulated state is in the `Reply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .reply import Reply
from .reply.parts import Part, PlanPart, ReasoningPart, RefusalPart, TextPart, ToolCall, Words


@dataclass(slots=True)
class TextDelta:
    """A piece of the answer's text, safe to show: no part of it can belong to a stop sequence."""

    text: str
    choice: int = 0

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning."""

    text: str
    choice: int = 0


@dataclass(slots=True)
class RefusalDelta:
    """A piece of the model's refusal, where the provider sends it apart from the text."""

    text: str
    choice: int = 0


@dataclass(slots=True)
class PlanDelta:
    """A piece of what the model says it will do with its tools, where the provider sends it apart from the text."""

    text: str
    choice: int = 0


@dataclass(slots=True)
class ToolCallStart:
    """The model began to call a tool. `index` counts the reply's tool calls from 0; `id` and `name` may still grow."""

    index: int
    id: str | None
    name: str
    choice: int = 0


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call's arguments, as text: not JSON until the call has ended."""

    index: int
    arguments: str
    choice: int = 0


@dataclass(slots=True)
class ToolCallEnd:
    """A tool call as it came to be; execute it only if ``call.complete``."""

    index: int
    call: ToolCall
    choice: int = 0


@dataclass(slots=True)
class PartStart:
    """A part of `kind` begins: the words and the details that follow are its own. Without any it will not be there."""

    kind: type[Words]
    choice: int = 0


@dataclass(slots=True)
class PartBreak:
    """The latest part of `kind` is whole: further words of that kind begin a part of their own."""

    kind: type[Words]
    choice: int = 0


@dataclass(slots=True)
class Details:
    """What else is known of the latest part of `kind`: values for its other attributes. Lists are added to."""

    kind: type[Words]
    values: Mapping[str, Any]
    choice: int = 0


@dataclass(slots=True)
class PartEnd:
    """A part that came whole: a call of a tool of the provider's or its result, an image, a sound."""

    part: Part
    choice: int = 0


@dataclass(slots=True)
class Reset:
    """What came so far does not count: the reply is asked for again, and begins anew.

    Only where `RetryPolicy.after_text` is ``"restart"``.

    Attributes:
        attempt: The number of the attempt that begins, counted from 1 over all endpoints.
        why: What went wrong, as a sentence.
    """

    attempt: int
    why: str


@dataclass(slots=True)
class StreamEnd:
    """The last event of every stream: the reply, with its verdict."""

    reply: Reply


@dataclass(slots=True)
class Snapshot:
    """All content so far, in place of the events that one of many readers missed (`streamfold.fanout`).

    It replaces whatever the reader has. While the stream runs the reply holds the content alone: what the provider
    named and counted comes with `StreamEnd`.
    """

    reply: Reply


Event = (
    TextDelta
    | ReasoningDelta
    | RefusalDelta
    | PlanDelta
    | ToolCallStart
    | ToolCallDelta
    | ToolCallEnd
    | PartStart
    | PartBreak
    | Details
    | PartEnd
    | Reset
    | StreamEnd
)


PART_OF: dict[type[TextDelta | ReasoningDelta | RefusalDelta | PlanDelta], type[Words]] = {
    TextDelta: TextPart,
    ReasoningDelta: ReasoningPart,
    RefusalDelta: RefusalPart,
    PlanDelta: PlanPart,
}
"""What words become."""

DELTA_OF = {part: delta for delta, part in PART_OF.items()}
"""What says the words of a part."""
