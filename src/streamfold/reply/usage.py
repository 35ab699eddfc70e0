"""What a provider counted, and how far each number can be trusted.

No number is made up: a piece of text is one token with some providers and ten with others, so where nobody counted the
mark is "absent", not an estimate. Estimates are the counts of a reply that were sent before it had ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..errors import CallerError

Mark = Literal["exact", "estimated", "absent"]
_OF_PROMPT = {"input_tokens", "cached_tokens"}  # known before the reply begins
_COUNTS = _OF_PROMPT | {"output_tokens", "total_tokens", "reasoning_tokens"}


@dataclass(slots=True)
class Usage:
    """What the provider counted, in tokens. ``None`` means that it did not say.

    Attributes:
        input_tokens: The prompt's tokens, cached ones included where the provider includes them.
        output_tokens: The reply's tokens, reasoning included where the provider includes it.
        total_tokens: The provider's own sum.
        cached_tokens: Those of the input that were read from a cache.
        reasoning_tokens: Those of the output that were reasoning.
        raw: The provider's report, as it came.
        final: Whether what is said of the reply was counted at its end. A count sent earlier, such as the one in the
            first event of an Anthropic stream, says little about a reply that then breaks off.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    final: bool = True

    def mark(self, name: str) -> Mark:
        """Tell how far the number called `name` can be trusted.

        Returns:
            ``"exact"`` as the provider counted it, ``"estimated"`` if it counted before the reply had ended,
            ``"absent"`` if it never said.

        Raises:
            CallerError: There is no number of that name.
        """
        if name not in _COUNTS:
            raise CallerError(f"no number is called {name!r}, only {', '.join(sorted(_COUNTS))}")
        if getattr(self, name) is None:
            return "absent"
        return "exact" if self.final or name in _OF_PROMPT else "estimated"

    def so_far(self) -> Usage:
        """Return this report as one that was sent before the reply had ended."""
        said = (self.output_tokens, self.total_tokens, self.reasoning_tokens) != (None, None, None)
        return replace(self, final=False) if said else self

    def updated(self, later: Usage) -> Usage:
        """Return this report overtaken by a later one: reports are cumulative, so numbers replace, never add."""
        return Usage(
            self.input_tokens if later.input_tokens is None else later.input_tokens,
            self.output_tokens if later.output_tokens is None else later.output_tokens,
            self.total_tokens if later.total_tokens is None else later.total_tokens,
            self.cached_tokens if later.cached_tokens is None else later.cached_tokens,
            self.reasoning_tokens if later.reasoning_tokens is None else later.reasoning_tokens,
            raw={**self.raw, **later.raw},
        )


@dataclass(slots=True)
class UnreadUsage:
    """A report that is read when somebody asks for it, since that takes longer than to read the text beside it.

    Who sends one with each piece of text counts all of the reply so far, so a later one overtakes it unread.
    """

    read: Callable[[], Usage]


class Tally:
    """What was counted so far, of which the latest report may be unread."""

    def __init__(self) -> None:
        self._usage = Usage()
        self._unread: UnreadUsage | None = None

    def add(self, report: Usage | UnreadUsage) -> None:
        """Take the next report in."""
        if isinstance(report, UnreadUsage):
            self._unread = report
        else:
            self._usage = self.usage.updated(report)

    @property
    def usage(self) -> Usage:
        """All reports in one."""
        if self._unread is not None:
            self._usage = self._usage.updated(self._unread.read())
            self._unread = None
        return self._usage
