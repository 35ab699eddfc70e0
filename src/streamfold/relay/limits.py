"""What the relay bounds, by name."""

from __future__ import annotations

import msgspec

from .rules.generation import LEASE


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Each limit protects the server from one kind of request; passing it is a `RelayLimitError` that names it.

    Attributes:
        max_body: Bytes of one request's body.
        max_path: Characters of a stream's path.
        max_readers: Readers that follow streams at once, in this process.
        max_generations: Generations that run at once, in this process.
        max_starts: Generations that one client may begin within a minute.
        lease: Seconds without a sign of life after which a generation's producer counts as lost.
        long_poll: Seconds that a long poll waits.
        page: Bytes that one catch-up read returns; a single larger record is returned whole.
    """

    max_body: int = 16 * 1024 * 1024
    max_path: int = 1024
    max_readers: int = 10_000
    max_generations: int = 1_000
    max_starts: int = 600
    lease: float = LEASE
    long_poll: float = 20.0
    page: int = 1024 * 1024


DEFAULTS = Limits()
