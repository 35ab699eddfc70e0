"""What the Redis store decides together: transactions on the same streams, written if their states are as seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from ..rules.stream import Page, Stream, due
from .blocks import decode_stream, encode_stream, to_block
from .jobs import Job


def units(jobs: Iterable[Job]) -> tuple[list[Unit], list[Job]]:
    """Put jobs on one stream together, each on several streams by itself; return also those that must wait."""
    made: dict[tuple[str, ...], Unit] = {}
    alone: set[str] = set()
    later: list[Job] = []
    for job in jobs:
        paths = tuple(job.paths)
        if len(paths) == 1 and paths[0] not in alone:
            made.setdefault(paths, Unit(paths)).jobs.append(job)
        elif alone.isdisjoint(paths) and not any((path,) in made for path in paths):
            made[paths] = Unit(paths, [job])
            alone.update(paths)
        else:
            later.append(job)
    return list(made.values()), later


class State(NamedTuple):
    """A stream's state, as Redis has it and as it is read; empty where the path is free."""

    raw: bytes = b""
    stream: Stream | None = None


def state_of(raw: bytes | None) -> State:
    """Read a state as Redis has it."""
    return State(raw, decode_stream(raw)) if raw else State()


class Unit:
    """Transactions on the streams at `paths`."""

    def __init__(self, paths: Sequence[str], jobs: Sequence[Job] = ()) -> None:
        self.paths = paths
        self.jobs = list(jobs)
        self.states: list[State] = []
        self._seen: list[State] = []
        self._after: list[Stream | None] = []
        self._records: list[bytes] = []

    def decide(self, now: float, states: Mapping[str, State], next_id: Callable[[], int]) -> list[Job]:
        """Run the rules, each on what the one before left; return those that must wait because a stream is gone.

        Args:
            now: The store's time.
            states: The states by path.
            next_id: Gives an id for a new stream.
        """
        self._seen = [states[path] for path in self.paths]
        self._after = [state.stream for state in self._seen]
        self._records = []
        for index, job in enumerate(self.jobs):
            try:
                change = job.rule(now, tuple(self._after))
            except Exception as error:  # the rule's own: the caller of this transaction gets it, the others go on
                job.error = error
                continue
            job.result, job.error = change.result, None
            self._after = [replace(new, id=next_id()) if new and not new.id else new for new in change.streams]
            self._records += change.records
            if None in self._after and index + 1 < len(self.jobs):
                later, self.jobs = self.jobs[index + 1 :], self.jobs[: index + 1]
                return later
        return []

    def news(self) -> dict[str, Page | None]:
        """Return what has happened to each stream, once it is written."""
        told: dict[str, Page | None] = {}
        for index, (path, (_, old), new) in enumerate(zip(self.paths, self._seen, self._after, strict=True)):
            records = self._records if index == 0 else []
            if new is not None and (records or new != old):
                told[path] = Page(new, new.tail - len(records), records)
            elif new is None and old is not None:
                told[path] = None
        return told

    def write(self, state_prefix: str, records_prefix: str) -> list[list[str | Raw]]:
        """Return what the script shall be told of each stream."""
        self.states = []
        told: list[list[str | Raw]] = []
        for index, (path, (seen, old), new) in enumerate(zip(self.paths, self._seen, self._after, strict=True)):
            state = b"" if new is None else seen if new == old else encode_stream(new)
            self.states.append(State(state, new))
            stream = new or old
            keys = (state_prefix + path, f"{records_prefix}{stream.id if stream else 0}")
            appended = index == 0 and new is not None and bool(self._records)
            block, last = (to_block(self._records), str(new.tail)) if appended and new else (b"", "0")
            told.append([path, *keys, _raw(seen), _raw(state), _due(new), _drop(old, new), _raw(block), last])
        return told


def _raw(data: bytes) -> Raw:
    """Return bytes as a string of MessagePack: Redis reads no other kind of bytes."""
    return Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


def _due(stream: Stream | None) -> str:
    moment = None if stream is None else due(stream)
    return "" if moment is None else repr(moment)


def _drop(old: Stream | None, new: Stream | None) -> str:
    """Return what the script shall drop of the records."""
    if old is not None and new is None:
        return "all"
    return str(new.first + 1) if old is not None and new is not None and new.first > old.first else ""
