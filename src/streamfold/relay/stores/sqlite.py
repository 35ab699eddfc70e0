"""The store in one SQLite file: nothing to install, and it survives ``kill -9`` at any moment.

One thread writes. It takes all transactions that are waiting and commits them together, so that many appends share one
fsync (WAL, ``synchronous=FULL``); a caller is answered after the commit. It remembers the states of streams as long as
``PRAGMA data_version`` says that no other process has written. Another thread reads. Several processes may share the
file: while anybody here watches a stream, each looks every `POLL` seconds whether another has written.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import StoreError
from ..rules.stream import Page, Rule, Stream
from .blocks import decode_stream, take
from .sqlite_group import SCHEMA, Group
from .watchers import Wake, Watchers

T = TypeVar("T")

POLL = 0.02
"""Seconds between two looks whether another process has written."""
GROUP = 512
"""Transactions that one commit takes: it bounds what the first of them waits for."""
BUSY = 30.0
"""Seconds to wait for another process's transaction."""
REMEMBERED = 10_000
"""States of streams that are kept in memory."""


class _Job(msgspec.Struct):
    """A transaction that waits for the writer, then its outcome."""

    paths: Sequence[str]
    rule: Rule[Any]
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


async def open_sqlite(file: str | Path, clock: Callable[[], float] = time.time) -> SQLiteStore:
    """Open the store in `file`, which is created if it is not there.

    Raises:
        StoreError: The file cannot be opened or is not a database.
    """
    store = SQLiteStore(file, clock)
    try:
        await store.opened
    except BaseException:
        await store.close()
        raise
    return store


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
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self._reader = ThreadPoolExecutor(1, "streamfold-reader")
        self._reading: sqlite3.Connection | None = None
        self._writer = threading.Thread(target=self._write, name="streamfold-writer", daemon=True)
        self._writer.start()

    async def transact(self, paths: Sequence[str], rule: Rule[T]) -> T:
        """See `Store.transact`."""
        if self._closing:
            raise StoreError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(paths, rule, answer))
        return await answer

    async def read(self, path: str, after: int, limit: int) -> Page | None:
        """See `Store.read`."""
        return await self._ask(self._read, path, after, limit)

    async def watch(self, path: str, wake: Wake) -> Callable[[], None]:
        """See `Store.watch`."""
        self._jobs.put(None)  # the writer begins to look what others write
        return self._watchers.add(path, wake)

    async def due(self, limit: int) -> list[str]:
        """See `Store.due`."""
        return await self._ask(self._due, self.now(), limit)

    async def close(self) -> None:
        """See `Store.close`."""
        self._closing = True
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        if self._reading is not None:
            await self._loop.run_in_executor(self._reader, self._reading.close)
            self._reading = None
        self._reader.shutdown()

    # In the reader's thread.

    async def _ask(self, question: Callable[..., T], *args: Any) -> T:
        if self._closing:
            raise StoreError("the store is closed")
        try:
            return await self._loop.run_in_executor(self._reader, question, *args)
        except sqlite3.Error as error:
            raise StoreError(f"{self._file}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        if self._reading is None:
            self._reading = _connect(self._file)
        return self._reading

    def _read(self, path: str, after: int, limit: int) -> Page | None:
        db = self._connection()
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

    def _due(self, now: float, limit: int) -> list[str]:
        rows = self._connection().execute("SELECT path FROM stream WHERE due <= ? ORDER BY due LIMIT ?", (now, limit))
        return [path for (path,) in rows]

    # In the writer's thread.

    def _write(self) -> None:
        try:
            db = _connect(self._file)
            db.executescript(SCHEMA)
        except sqlite3.Error as error:
            self._tell(_settle, self.opened, None, StoreError(f"{self._file}: {error}"))
            return
        self._tell(_settle, self.opened, None, None)
        while not (self._closing and self._jobs.empty()):
            if jobs := self._waiting():
                self._commit(db, jobs)
            else:
                self._look(db)
            if self._untold:
                self._untold = False
                self._tell(self._watchers.tell, self._changed_by_others(db))
        db.close()

    def _waiting(self) -> list[_Job]:
        """Wait for a transaction, or for the time of a look at what others wrote; return all that wait."""
        jobs = []
        try:
            jobs.append(self._jobs.get(timeout=POLL if self._watchers.paths else None))
            while len(jobs) < GROUP:
                jobs.append(self._jobs.get_nowait())
        except queue.Empty:
            pass
        return [job for job in jobs if job is not None]

    def _commit(self, db: sqlite3.Connection, jobs: Sequence[_Job]) -> None:
        news: dict[str, Page | None] = {}
        try:
            db.execute("BEGIN IMMEDIATE")
            self._look(db)
            if len(self._states) > REMEMBERED:
                self._states.clear()
            group = Group(db, self._states)
            for job in jobs:
                _run(group, self.now(), job)
            group.write()
            db.execute("COMMIT")
            news = group.news()
        except sqlite3.Error as error:
            self._states.clear()
            if db.in_transaction:
                db.execute("ROLLBACK")
            for job in jobs:
                job.error = StoreError(f"{self._file}: {error}")
        self._tell(self._answer, jobs, news)

    def _look(self, db: sqlite3.Connection) -> None:
        """See whether another process has written; what is remembered is worth nothing then."""
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version, self._untold = version, True
            self._states.clear()

    def _changed_by_others(self, db: sqlite3.Connection) -> dict[str, Page | None]:
        seen, self._seen = self._seen, {}
        for path in self._watchers.paths:
            row = db.execute("SELECT state FROM stream WHERE path = ?", (path,)).fetchone()
            self._seen[path] = row and row[0]
        return {path: None for path, state in self._seen.items() if path not in seen or seen[path] != state}

    # From the writer's thread into the loop's.

    def _tell(self, function: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *args)

    def _answer(self, jobs: Sequence[_Job], news: dict[str, Page | None]) -> None:
        for job in jobs:
            _settle(job.answer, job.result, job.error)
        self._watchers.tell(news)


def _connect(file: str | Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=BUSY, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


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


def _run(group: Group, now: float, job: _Job) -> None:
    try:
        job.result = group.run(now, job.paths, job.rule)
    except sqlite3.Error:
        raise
    except Exception as error:  # the rule's own: the caller of this transaction gets it, the others go on
        job.error = error


def _settle(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():  # the caller was cancelled
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
