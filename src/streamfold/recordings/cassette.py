"""Record what goes to the network the first time, and play it back after: for the tests of programs that stream.

A `Cassette` stands in the place of the transports, so a program under test needs no change: who opens a request gets
the next recording, or the network with a recorder beside it. `pytest_plugin` puts it there.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Literal, NoReturn

from ..aio import aiterate
from ..closing import aclose_source, close_source
from ..network.request import Request
from ..network.transports import AsyncExchange, AsyncTransport, Exchange, Opening, Transport
from ..sources.opening import aopened
from ..sync import iterate
from .facts import request_facts
from .recorder import Recorder
from .source import Recording

Mode = Literal["once", "none", "all"]

EXHAUSTED = {"reading": "exhausted"}
LEFT = {"reading": "left", "verdict": "cancelled"}


class Cassette:
    """The recordings of one test: a file for each stream, in the order in which they are opened.

    Args:
        path: The first one's file; the others have a number in their names.
        mode: ``once`` records what is missing, ``none`` records nothing, ``all`` records everything anew.
        fail: Called with a sentence where there is nothing to play; raises.
    """

    def __init__(self, path: Path, mode: Mode, fail: Callable[[str], NoReturn]) -> None:
        self._path = path
        self._mode = mode
        self._fail = fail
        self._n_used = 0

    def __call__(self, make: Callable[[], Any]) -> Any:
        """Return a source to be folded: the recording, or what `make` returns, recorded while it is read."""
        path, recording = self.next()
        if recording is not None:
            return recording
        source = make()
        is_async = isinstance(source, AsyncIterable) or aopened(source) is not None
        return _AsyncTaped(source, path) if is_async else _Taped(source, path)

    def next(self, request: Request | None = None) -> tuple[Path, Recording | None]:
        """Return the file of the next stream, and the recording in it; ``None`` if it is to be made.

        Args:
            request: What is asked, where it is a request: the recording must be of the same.
        """
        self._n_used += 1
        number = "" if self._n_used == 1 else f"-{self._n_used}"
        path = self._path.with_name(f"{self._path.name}{number}.stream")
        if self._mode != "all" and path.exists():
            recording = Recording.open(path)
            self._check(recording, request, path)
            return path, recording
        if self._mode == "none":
            self._fail(f"there is no recording at {path}, and none may be made: see --streamfold-record")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path, None

    def _check(self, recording: Recording, request: Request | None, path: Path) -> None:
        recorded = recording.last.request
        if request is None or recorded is None:
            return
        asked = request_facts(request.method, request.url, request.json)
        for name in ("method", "url", "parameters"):
            if asked.get(name) != recorded.get(name):
                words = f"{path} is of another request: {name} {recorded.get(name)!r}, now {asked.get(name)!r}"
                self._fail(f"{words}; --streamfold-record=all records it again")


class CassetteTransport:
    """A sync transport that plays, or records what the one `behind` it does."""

    def __init__(self, cassette: Cassette, behind: Callable[[], Transport]) -> None:
        self._cassette = cassette
        self._behind = behind

    def open(self, request: Request, opening: Opening) -> Exchange:
        """Open `request`, or its recording."""
        path, recording = self._cassette.next(request)
        if recording is not None:
            return _Played(recording)
        tape = _Tape(path, request)
        try:
            return _RecordedExchange(self._behind().open(request, opening), tape)
        except BaseException as error:
            tape.broke(error)
            raise


class AsyncCassetteTransport:
    """An async transport that plays, or records what the one `behind` it does."""

    def __init__(self, cassette: Cassette, behind: Callable[[], AsyncTransport]) -> None:
        self._cassette = cassette
        self._behind = behind

    async def open(self, request: Request, opening: Opening) -> AsyncExchange:
        """Open `request`, or its recording."""
        path, recording = self._cassette.next(request)
        if recording is not None:
            return _AsyncPlayed(recording)
        tape = _Tape(path, request)
        try:
            return _AsyncRecordedExchange(await self._behind().open(request, opening), tape)
        except BaseException as error:
            tape.broke(error)
            raise


class _Tape:
    """What an exchange is recorded on: its end is written once, however often it is told."""

    def __init__(self, path: Path, request: Request) -> None:
        self._recorder = Recorder(path, monotonic())
        self._recorder.request(request, 1, monotonic())
        self._has_ended = False

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the head of the response."""
        self._recorder.response(status, headers, monotonic())

    def read(self, data: bytes) -> bytes:
        """Record a read, and return it."""
        if data:
            self._recorder.chunk(data, monotonic())
        else:
            self.end(EXHAUSTED)
        return data

    def broke(self, error: BaseException) -> None:
        """Record that the network broke, or that who reads was interrupted."""
        how = {"kind": "SourceError", "cause": type(error).__name__, "message": str(error)}
        is_network = isinstance(error, Exception)
        self.end({"reading": "failed", "verdict": "errored", "error": how} if is_network else LEFT)

    def end(self, how: Mapping[str, Any]) -> None:
        """Record how the reading ended."""
        if not self._has_ended:
            self._has_ended = True
            self._recorder.ended(how, monotonic())


class _RecordedExchange:
    def __init__(self, exchange: Exchange, tape: _Tape) -> None:
        self._exchange = exchange
        self._tape = tape
        self.status, self.headers = exchange.status, exchange.headers
        self.interrupt = exchange.interrupt
        tape.answered(self.status, self.headers)

    def read(self) -> bytes:
        try:
            return self._tape.read(self._exchange.read())
        except BaseException as error:
            self._tape.broke(error)
            raise

    def close(self) -> None:
        self._tape.end(LEFT)
        self._exchange.close()


class _AsyncRecordedExchange:
    def __init__(self, exchange: AsyncExchange, tape: _Tape) -> None:
        self._exchange = exchange
        self._tape = tape
        self.status, self.headers = exchange.status, exchange.headers
        self.interrupt = exchange.interrupt
        tape.answered(self.status, self.headers)

    async def read(self) -> bytes:
        try:
            return self._tape.read(await self._exchange.read())
        except BaseException as error:
            self._tape.broke(error)
            raise

    async def close(self) -> None:
        self._tape.end(LEFT)
        await self._exchange.close()


class _Played:
    def __init__(self, recording: Recording) -> None:
        response = recording.last.response or {}
        self._chunks = iter(recording.chunks)
        self._ending = recording.ending
        self.status = int(response.get("status", 200))
        told: Mapping[str, str] = {"content-type": str(response.get("content_type") or "")}
        self.headers: Mapping[str, str] = {**told, **response.get("headers", {})}
        if recording.last.response is None and self._ending is not None and self._ending.error is not None:
            raise ConnectionError(str(self._ending.error.__cause__))

    def read(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is not None:
            return bytes(chunk.data)
        if self._ending is not None and self._ending.error is not None:
            raise ConnectionError(str(self._ending.error.__cause__))
        return b""

    def close(self) -> None:
        """Let go of nothing."""

    def interrupt(self) -> None:
        """Interrupt nothing: a read never waits."""


class _AsyncPlayed:
    def __init__(self, recording: Recording) -> None:
        self._played = _Played(recording)
        self.status = self._played.status
        self.headers: Mapping[str, str] = self._played.headers
        self.interrupt = self._played.interrupt

    async def read(self) -> bytes:
        return self._played.read()

    async def close(self) -> None:
        """Let go of nothing."""


class _Taped:
    """A source that says where it is to be recorded."""

    def __init__(self, source: Any, path: Path) -> None:
        self._source = source
        self.fold_options = {"record": path}

    def __iter__(self) -> Iterator[Any]:
        return iterate(self._source)

    def close(self) -> None:
        close_source(self._source, self._source, None)


class _AsyncTaped:
    """The same, for a source that must be awaited."""

    def __init__(self, source: Any, path: Path) -> None:
        self._source = source
        self.fold_options = {"record": path}

    def __aiter__(self) -> AsyncIterator[Any]:
        chunks: Any = aiterate(self._source)  # async, as this source is
        found: AsyncIterator[Any] = aiter(chunks)
        return found

    async def aclose(self) -> None:
        await aclose_source(self._source, self._source, None)
