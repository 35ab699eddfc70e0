"""Transactions that wait for their store, which writes many of them at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ..errors import StoreError
from ..rules.stream import Rule

CROWD = 4
"""Transactions that came during one commit, at which the next one waits for more of their kind."""
GATHERING = 0.004
"""Seconds from the beginning of one to the next then: a commit takes some hundred microseconds, whatever is in it."""


class Job(msgspec.Struct):
    """A transaction, and what became of it."""

    paths: Sequence[str]
    rule: Rule[Any]
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Give the caller what became of it."""
        if self.answer.done():  # the caller was cancelled
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


class Jobs:
    """The transactions that wait, first come first served."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self.wanted = asyncio.Event()
        self.closing = False
        self._taken = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def do(self, paths: Sequence[str], rule: Rule[Any]) -> asyncio.Future[Any]:
        """Let a transaction wait for its turn; its result or its error comes then."""
        if self.closing:
            raise StoreError("the store is closed")
        job = Job(paths, rule, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self.wanted.set()
        return job.answer

    async def gather(self) -> None:
        """Wait for more, if many came since `take`; who comes alone waits for nobody."""
        await asyncio.sleep(0)  # who was answered may have more
        left = self._taken + GATHERING - time.monotonic()
        if len(self._waiting) >= CROWD and left > 0 and not self.closing:
            await asyncio.sleep(left)

    def take(self, most: int) -> list[Job]:
        """Return those whose turn it is."""
        self._taken = time.monotonic()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Let these be the next ones."""
        self._waiting.extendleft(reversed(list(jobs)))

    def close(self) -> None:
        """Take no more; what waits is still done."""
        self.closing = True
        self.wanted.set()
