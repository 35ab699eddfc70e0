"""Read how long a server asks its clients to wait, in the several ways in which they say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return how long a response's headers ask to wait, in seconds; ``None`` if they do not, or not legibly.

    ``retry-after-ms`` (OpenAI, Azure) is more exact than ``Retry-After`` (RFC 9110 10.2.3: seconds or a date). Without
    them it is the longest reset of a quota that is used up: ``x-ratelimit-reset-tokens: 6m0s`` (OpenAI),
    ``anthropic-ratelimit-tokens-reset: 2026-01-31T12:00:00Z``, ``x-ratelimit-reset: 1769860800000`` (OpenRouter).
    A quota that is not used up says nothing: its reset is the time until all of it is back.

    Args:
        headers: The headers, in any case.
        now: The time in seconds since 1970, to which dates are compared.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    asked = (lower.get("retry-after-ms", "").strip() + "ms", lower.get("retry-after", ""))
    for value in asked:
        seconds = _seconds(value, now)
        if seconds is not None:
            return seconds
    spent = [name for name in lower if "ratelimit" in name and "remaining" in name and lower[name].strip() == "0"]
    resets = [_seconds(lower.get(name.replace("remaining", "reset"), ""), now) for name in spent]
    return max((reset for reset in resets if reset is not None), default=None)


_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|m|s)")  # as Go writes durations
_DATES: tuple[Callable[[str], datetime], ...] = (parsedate_to_datetime, datetime.fromisoformat)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _seconds(value: str, now: float) -> float | None:
    """Return how far off `value` is: a number, a duration, or a date of RFC 9110 or RFC 3339."""
    value = value.strip()
    if _NUMBER.fullmatch(value):
        number = float(value)
        if number < 1e9:
            return number
        return max(0.0, (number / 1000 if number >= 1e11 else number) - now)  # since 1970, in seconds or milliseconds
    if value and not _SPAN.sub("", value):
        return sum(float(span[1]) * _UNITS[span[2]] for span in _SPAN.finditer(value))
    for parse in _DATES:
        try:
            moment = parse(value)
        except (ValueError, OverflowError):
            continue
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    return None
