"""Keep conversations on this device, in one SQLite file in the user's data folder.

A turn is written as soon as it is known, so that a crash loses nothing that was said before. The file is the user's
alone to read. Its ``user_version`` is the schema's: a file of a newer streamfold is refused, not guessed at.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import ConversationError
from ..reply import Reply
from .saved_reply import restored, saved

SCHEMA = 1
BUSY = 10.0  # seconds that another chat, in another window, is waited for
TITLE = 60  # characters of the first turn that a list shows

_CREATE = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL DEFAULT (datetime('now')),
    engine TEXT NOT NULL,
    model TEXT,
    system TEXT
);
CREATE TABLE turns (
    conversation INTEGER NOT NULL REFERENCES conversations(id),
    place INTEGER NOT NULL,
    said TEXT NOT NULL,
    reply TEXT,
    PRIMARY KEY (conversation, place)
);
"""


@dataclass(slots=True)
class Turn:
    """What the user said, and the reply to it: whole, in part, or none."""

    said: str
    reply: Reply | None = None


@dataclass(slots=True)
class Conversation:
    """A conversation. Its `id` is None until something has been said in it."""

    engine: str
    model: str | None = None
    system: str | None = None
    id: int | None = None
    turns: list[Turn] = field(default_factory=list)


@dataclass(slots=True)
class Listed:
    """A line of the list: `started` in UTC, `title` the beginning of what was said first."""

    id: int
    started: str
    engine: str
    model: str | None
    n_turns: int
    title: str


class Conversations:
    """The conversations in the file at `path`; a context manager.

    Raises:
        ConversationError: The file is not ours, is damaged, is of a newer streamfold, or cannot be opened. So do the
            methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._telling():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, conversation: Conversation, said: str) -> Turn:
        """Begin a turn with what the user said."""
        with self._telling(), self._transaction():
            if conversation.id is None:
                values = (conversation.engine, conversation.model, conversation.system)
                row = self._db.execute("INSERT INTO conversations (engine, model, system) VALUES (?, ?, ?)", values)
                conversation.id = row.lastrowid
            place = len(conversation.turns)
            self._db.execute("INSERT INTO turns VALUES (?, ?, ?, NULL)", (conversation.id, place, said))
        turn = Turn(said)
        conversation.turns.append(turn)
        return turn

    def keep(self, conversation: Conversation, reply: Reply) -> None:
        """End the last turn with its reply."""
        place = len(conversation.turns) - 1
        conversation.turns[place].reply = reply
        with self._telling():
            query = "UPDATE turns SET reply = ? WHERE conversation = ? AND place = ?"
            self._db.execute(query, (saved(reply), conversation.id, place))

    def drop(self, conversation: Conversation) -> None:
        """Take the last turn back."""
        conversation.turns.pop()
        with self._telling():
            query = "DELETE FROM turns WHERE conversation = ? AND place = ?"
            self._db.execute(query, (conversation.id, len(conversation.turns)))

    def get(self, id: int | None = None) -> Conversation:
        """Return the conversation with that id; the one that was begun last if it is None."""
        with self._telling():
            query = "SELECT engine, model, system, id FROM conversations WHERE ? IN (id, -1) ORDER BY id DESC LIMIT 1"
            row = self._db.execute(query, (-1 if id is None else id,)).fetchone()
            if row is None:
                if id is None:
                    raise ConversationError("there is no conversation yet; `streamfold chat` begins one")
                raise ConversationError(f"there is no conversation {id}; `streamfold chat --list` shows them")
            turns = self._db.execute("SELECT said, reply FROM turns WHERE conversation = ? ORDER BY place", (row[3],))
            said = [Turn(said, restored(reply) if reply else None) for said, reply in turns]
            return Conversation(row[0], row[1], row[2], row[3], said)

    def list(self) -> list[Listed]:
        """Return all conversations, the newest first."""
        query = """
            SELECT id, started, engine, model, count(place), substr(min(CASE place WHEN 0 THEN said END), 1, ?)
            FROM conversations JOIN turns ON conversation = id GROUP BY id ORDER BY id DESC"""
        with self._telling():
            return [Listed(*row) for row in self._db.execute(query, (TITLE,))]

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise ConversationError(
                f"{self.path} is of a newer streamfold (schema {version}, known {SCHEMA}): upgrade it"
            )
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_CREATE} PRAGMA user_version = {SCHEMA}; COMMIT")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say which file it was, where SQLite or the system says no."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ConversationError("this conversation has been gone on with elsewhere: open it again") from error
        except (sqlite3.Error, OSError) as error:
            raise ConversationError(
                f"the conversations in {self.path} cannot be used: {error}; move the file away to begin anew"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ConversationError(f"a reply kept in {self.path} is damaged: {error}") from error


def default_path() -> Path:
    """Return where this user's conversations are kept."""
    from platformdirs import user_data_path

    return user_data_path("streamfold", appauthor=False) / "conversations.db"
