"""What passes between the rooms of a stream and is neither a chunk nor an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import StreamfoldError
from .reply import Verdict


@dataclass(frozen=True, slots=True)
class Seam:
    """Stands between the chunks of a recording where an attempt went on with what the one before had brought.

    Attributes:
        text: The text so far, after which a new stream goes on; ``None`` if the same stream does.
        at: With what the same stream goes on: with its next event, or with its next byte.
    """

    text: str | None
    at: Literal["event", "byte"] = "event"


class ReadingEnded(Exception):  # noqa: N818 (a signal to the drivers, not an error of its own)
    """Raised by a recording where its reading ended otherwise than with the stream.

    Attributes:
        verdict: What the reader then said of the stream.
        error: What broke it off.
        passed: Which deadline passed, in words.
    """

    def __init__(self, verdict: Verdict, error: StreamfoldError | None = None, passed: str | None = None) -> None:
        self.verdict = verdict
        self.error = error
        self.passed = passed
        super().__init__(f"the reading ended: {verdict}")


class ShowFailed(Exception):  # noqa: N818 (a signal to the driver: the error is its cause)
    """Raised where the reader's callback raised, to part its error, the ``__cause__``, from the source's.

    Attributes:
        outcome: What the callback returned, where it is that which is wrong.
    """

    def __init__(self, outcome: object = None) -> None:
        self.outcome = outcome
        super().__init__("the callback failed")
