"""How often somebody may do something: a bucket of tokens for each, which fills up again evenly."""

from __future__ import annotations

MOST = 10_000
"""Buckets that are remembered; when there are more, those that are full again are forgotten, then all."""


class Buckets:
    """The buckets of all clients.

    Args:
        most: How many tokens a bucket holds: what may be done at once.
        seconds: In how many seconds an empty one is full again.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._each = seconds / most
        self._empty_until: dict[str, float] = {}

    def take(self, client: str, now: float) -> float:
        """Take a token; return 0, or in how many seconds there will be one.

        Args:
            client: Whose.
            now: In seconds of a monotonic clock.
        """
        earliest = max(self._empty_until.get(client, now), now)
        wait = earliest + self._each - now - self._each * self._most
        if wait > 1e-9:
            return wait
        if len(self._empty_until) >= MOST:
            self._empty_until = {who: until for who, until in self._empty_until.items() if until > now}
        if len(self._empty_until) >= MOST:
            self._empty_until.clear()
        self._empty_until[client] = earliest + self._each
        return 0.0
