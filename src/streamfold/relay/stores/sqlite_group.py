"""One commit of the SQLite store: the transactions that waited, run one after another and written together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ..rules.stream import Page, Rule, Stream, due
from .blocks import decode_stream, encode_stream, to_block

SCHEMA = """
CREATE TABLE IF NOT EXISTS stream (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, state BLOB NOT NULL, due REAL
);
CREATE INDEX IF NOT EXISTS stream_due ON stream (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS block (
    stream INTEGER NOT NULL, last INTEGER NOT NULL, records BLOB NOT NULL, PRIMARY KEY (stream, last)
);
"""


class Group:
    """What one commit writes: each changed state once, and the new records of each stream as one block.

    Args:
        connection: Inside of a transaction that writes.
        states: States known from before, by path; kept up to date. Worthless if the commit fails.
    """

    def __init__(self, connection: sqlite3.Connection, states: dict[str, Stream | None]) -> None:
        self._db = connection
        self._states = states
        self._records: dict[int, list[bytes]] = {}
        self._changed: dict[str, None] = {}

    def run(self, now: float, paths: Sequence[str], rule: Rule[Any]) -> Any:
        """Run one transaction; what its rule raises is raised, and nothing is changed."""
        before = tuple(self._state(path) for path in paths)
        change = rule(now, before)
        after = [self._apply(path, old, new) for path, old, new in zip(paths, before, change.streams, strict=True)]
        if change.records and after[0] is not None:
            self._records.setdefault(after[0].id, []).extend(change.records)
        return change.result

    def write(self) -> None:
        """Write what was gathered, up to the commit itself."""
        states = [(path, self._states[path]) for path in self._changed]
        rows = [(encode_stream(stream), due(stream), stream.id) for _, stream in states if stream is not None]
        self._db.executemany("UPDATE stream SET state = ?, due = ? WHERE id = ?", rows)
        tails = {stream.id: stream.tail for _, stream in states if stream is not None}
        blocks = [(id, tails[id], to_block(records)) for id, records in self._records.items()]
        self._db.executemany("INSERT INTO block (stream, last, records) VALUES (?, ?, ?)", blocks)

    def news(self) -> dict[str, Page | None]:
        """Return what has happened to each stream."""
        news: dict[str, Page | None] = {}
        for path in self._changed:
            stream = self._states[path]
            records = self._records.get(stream.id, []) if stream else []
            news[path] = None if stream is None else Page(stream, stream.tail - len(records), records)
        return news

    def _state(self, path: str) -> Stream | None:
        if path not in self._states:
            row = self._db.execute("SELECT state FROM stream WHERE path = ?", (path,)).fetchone()
            self._states[path] = row and decode_stream(row[0])
        return self._states[path]

    def _apply(self, path: str, old: Stream | None, new: Stream | None) -> Stream | None:
        if new is old:
            return new
        if old is not None and new is None:
            self._drop(old)
        if new is not None and not new.id:
            row = self._db.execute("INSERT INTO stream (path, state) VALUES (?, '')", (path,))
            new = replace(new, id=row.lastrowid or 0)
        if old is not None and new is not None and new.first > old.first:
            self._db.execute("DELETE FROM block WHERE stream = ? AND last <= ?", (new.id, new.first))
        self._states[path] = new
        self._changed[path] = None
        return new

    def _drop(self, stream: Stream) -> None:
        self._records.pop(stream.id, None)
        self._db.execute("DELETE FROM stream WHERE id = ?", (stream.id,))
        self._db.execute("DELETE FROM block WHERE stream = ?", (stream.id,))
