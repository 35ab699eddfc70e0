"""What a provider counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


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
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    def updated(self, later: Usage) -> Usage:
        """Return this report overtaken by a later one: reports are cumulative, so numbers replace, never add."""
        known = {name: value for name in _COUNTS if (value := getattr(later, name)) is not None}
        return Usage(**{name: getattr(self, name) for name in _COUNTS} | known, raw={**self.raw, **later.raw})


_COUNTS = tuple(f.name for f in fields(Usage) if f.name != "raw")
