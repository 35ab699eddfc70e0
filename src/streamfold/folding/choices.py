"""The choices of a reply in the making, opened when something is first said of them."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import LimitError
from ..reply import Choice
from ..stops import StopMatch, StopMatcher, all_stops
from ..tags import Tag, TagSplitter
from .open_choice import OpenChoice

MAX_CHOICES = 1_024
"""Protects memory and time: a choice of a few bytes on the wire costs thousands here. OpenAI makes 128 at most."""


class OpenChoices(dict[int, OpenChoice]):
    """Choices by index; one that is asked for is opened.

    Args:
        stop: The stop sequence, or several.
        include_stop: Whether the text ends with the stop sequence that was found instead of before it.
        tags: The tags in which a model may write its reasoning at the start of its text; none with ``()``.

    Attributes:
        first: Choice 0, which nearly always is the only one; listed here once something was said of it.
        have_stops: Whether there is a stop sequence to be found.

    Raises:
        CallerError: A stop is empty or not a str.
    """

    def __init__(self, stop: str | Sequence[str] | None, include_stop: bool, tags: Sequence[Tag]) -> None:
        super().__init__()
        self._stop = all_stops(stop)
        self._include_stop = include_stop
        self._tags = tags
        self.have_stops = bool(self._stop)
        self.first = self._open(0)  # now: bad stops or tags are the caller's mistake, not the stream's

    def __missing__(self, index: int) -> OpenChoice:
        if len(self) >= MAX_CHOICES:
            raise LimitError("choices", len(self) + 1, MAX_CHOICES, "alternatives")
        choice = self[index] = self._open(index) if index else self.first
        return choice

    @property
    def lowest(self) -> OpenChoice | None:
        """The one whose end is the stream's end; ``None`` where nothing was said of any."""
        return self[min(self)] if self else None

    @property
    def match(self) -> StopMatch | None:
        """The stop sequence that was found in one of them."""
        return next((choice.match for choice in self.values() if choice.match), None)

    @property
    def are_stopped(self) -> bool:
        """Whether a stop sequence was found in one of them and no other one goes on."""
        return all(choice.is_over for choice in self.values()) and self.match is not None

    @property
    def n_replaced(self) -> int:
        """How many halves of characters stayed alone and became U+FFFD."""
        return sum(choice.n_replaced for choice in self.values())

    def freeze(self) -> list[Choice]:
        """Return them as they stand, by index; an empty one where there are none."""
        return [self[index].freeze() for index in sorted(self)] or [Choice()]

    def _open(self, index: int) -> OpenChoice:
        matcher = StopMatcher(self._stop, include=self._include_stop) if self._stop else None
        return OpenChoice(index, matcher, TagSplitter(self._tags) if self._tags else None)
