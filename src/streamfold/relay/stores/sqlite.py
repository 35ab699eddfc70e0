"""The store in one SQLite file: nothing to install, and it survives ``kill -9`` at any moment.

Transactions that wait are written together, one commit after another, so that many appends share one fsync (WAL,
``synchronous=FULL``); a caller is answered after the commit. Rules and statements run in the event loop, some
microseconds each; only the commit runs in a thread: a thread that runs statements beside a busy loop waits for the
interpreter's lock after each of them, 5 ms at worst. The states of streams are remembered as long as ``PRAGMA
data_version`` says that no other process has written. Another thread reads. Several processes may share the file: while
anybody here watches a stream, each looks every `POLL` seconds whether another has written.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from ..errors import StoreError
from ..rules.stream import Page, Rule, Stream
from .blocks import decode_stream, take
from .jobs import Job, Jobs
from .sqlite_group import SCHEMA, Group
from .watchers import Wake, Watchers

T = TypeVar("T")

POLL = 0.02
"""Seconds between two looks whether another process has written."""
GROUP = 512
"""Transactions that one commit takes: it bounds what the first of them waits for."""
BUSY = 30.0
"""Seconds to wait for another process's transaction."""
RETRY = 0.002
"""Seconds between two attempts to begin one's own."""
REMEMBERED = 10_000
"""States of streams that are kept in memory."""


async def open_sqlite(file: str | Path, clock: Callable[[], float] = time.time) -> SQLiteStore:
    """Open the store in `file`, which is created if it is not there.

    Raises:
        StoreError: The file cannot be opened or is not a database.
    """
    try:
        return SQLiteStore(file, clock)
    except sqlite3.Error as error:
        raise StoreError(f"{file}: {error}") from error


class SQLiteStore:
    """Streams in one SQLite file; see `Store`. Use `open_sqlite`."""

    def __init__(self, file: str | Path, clock: Callable[[], float]) -> None:
        self.now = clock
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._watchers = Watchers()
        self._states: dict[str, Stream | None] = {}
        self._version = 0
        self._untold = False
        self._seen: dict[str, bytes | None] = {}
        self._jobs = Jobs()
        self._reader = ThreadPoolExecutor(1, "streamfold-reader")
        self._committer = ThreadPoolExecutor(1, "streamfold-committer")
        self._writing, self._reading = _connect(file), _connect(file)
        self._writer = asyncio.create_task(self._write())

    def transact(self, paths: Sequence[str], rule: Rule[T]) -> asyncio.Future[T]:
        """See `Store.transact`."""
        return self._jobs.do(paths, rule)

    async def read(self, path: str, after: int, limit: int) -> Page | None:
        """See `Store.read`."""
        return await self._ask(_read, path, after, limit)

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """See `Store.watch`."""
        self._jobs.wanted.set()  # the writer begins to look what others write
        return self._watchers.add(path, wake)

    async def streams(self, prefix: str, after: str, limit: int) -> list[Stream]:
        """See `Store.streams`."""
        return await self._ask(_streams, prefix, after, limit)

    async def due(self, limit: int) -> list[str]:
        """See `Store.due`."""
        return await self._ask(_due, self.now(), limit)

    async def close(self) -> None:
        """See `Store.close`."""
        self._jobs.close()
        await self._writer
        for thread, connection in ((self._committer, self._writing), (self._reader, self._reading)):
            await self._loop.run_in_executor(thread, connection.close)
            thread.shutdown()

    async def _ask(self, question: Callable[..., T], *args: Any) -> T:
        if self._jobs.closing:
            raise StoreError("the store is closed")
        try:
            return await self._loop.run_in_executor(self._reader, question, self._reading, *args)
        except sqlite3.Error as error:
            raise StoreError(f"{self._file}: {error}") from error

    async def _write(self) -> None:
        while self._jobs or not self._jobs.closing:
            self._jobs.wanted.clear()
            if self._jobs:
                await self._commit(self._jobs.take(GROUP))
                await self._jobs.gather()
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for a transaction; meanwhile, look now and then what others have written."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._jobs.wanted.wait(), POLL if self._watchers.paths else None)
        self._look()
        self._tell_what_others_wrote()

    async def _commit(self, jobs: Sequence[Job]) -> None:
        news: dict[str, Page | None] = {}
        try:
            await self._begin()
            self._look()
            if len(self._states) > REMEMBERED:
                self._states.clear()
            group = Group(self._writing, self._states)
            for job in jobs:
                _run(group, self.now(), job)
            group.write()
            await self._loop.run_in_executor(self._committer, self._writing.execute, "COMMIT")
            news = group.news()
        except Exception as error:  # whatever it is, those who wait are told
            self._states.clear()
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            for job in jobs:
                job.error = StoreError(f"{self._file}: {error}") if isinstance(error, sqlite3.Error) else error
        for job in jobs:
            job.settle()
        self._watchers.tell(news)
        self._tell_what_others_wrote()

    async def _begin(self) -> None:
        """Begin to write; while another process does, wait."""
        deadline = self._loop.time() + BUSY
        while True:
            try:
                self._writing.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or self._loop.time() > deadline:
                    raise
            await asyncio.sleep(RETRY)

    def _look(self) -> None:
        """See whether another process has written; what is remembered is worth nothing then."""
        version = self._writing.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version, self._untold = version, True
            self._states.clear()

    def _tell_what_others_wrote(self) -> None:
        if not self._untold:
            return
        self._untold = False
        seen, self._seen = self._seen, {}
        for path in self._watchers.paths:
            row = self._writing.execute("SELECT state FROM stream WHERE path = ?", (path,)).fetchone()
            self._seen[path] = row and row[0]
        changed = [path for path, state in self._seen.items() if path not in seen or seen[path] != state]
        self._watchers.tell(dict.fromkeys(changed))


def _connect(file: str | Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + BUSY
    while True:
        try:
            db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA}")
            return db
        except sqlite3.Error as error:  # another process may be making the same file
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # without its detail
            if not busy or time.monotonic() > deadline:
                db.close()
                raise
            time.sleep(RETRY)


def _read(db: sqlite3.Connection, path: str, after: int, limit: int) -> Page | None:
    db.execute("BEGIN")
    try:
        row = db.execute("SELECT state FROM stream WHERE path = ?", (path,)).fetchone()
        if row is None:
            return None
        stream = decode_stream(row[0])
        blocks = _blocks(db, stream.id, after, limit) if limit and after < stream.tail else []
        return Page(stream, after, take(blocks, stream, after, limit))
    finally:
        db.execute("COMMIT")


def _streams(db: sqlite3.Connection, prefix: str, after: str, limit: int) -> list[Stream]:
    question = "SELECT path, state FROM stream WHERE path >= ? AND path > ? ORDER BY path LIMIT ?"
    rows = takewhile(lambda row: row[0].startswith(prefix), db.execute(question, (prefix, after, limit)))
    return [decode_stream(state) for _, state in rows]


def _due(db: sqlite3.Connection, now: float, limit: int) -> list[str]:
    rows = db.execute("SELECT path FROM stream WHERE due <= ? ORDER BY due LIMIT ?", (now, limit))
    return [path for (path,) in rows]


def _blocks(db: sqlite3.Connection, stream: int, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Return the blocks that follow `after`, until they have `limit` bytes."""
    rows = db.execute("SELECT last, records FROM block WHERE stream = ? AND last > ? ORDER BY last", (stream, after))
    blocks = []
    for last, block in rows:
        blocks.append((last, block))
        limit -= len(block)
        if limit <= 0:
            break
    return blocks


def _run(group: Group, now: float, job: Job) -> None:
    try:
        job.result = group.run(now, job.paths, job.rule)
    except sqlite3.Error:
        raise
    except Exception as error:  # the rule's own: the caller of this transaction gets it, the others go on
        job.error = error
