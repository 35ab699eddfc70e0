"""Write a recording while its stream is read.

A `Recorder` is a tap: the drivers tell it what comes. Each record is one write, made before what it holds is handed on,
so that whatever ends the program leaves all that was shown. A disk that is full costs the recording, not the answer:
that is told in the log, and the stream goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CallerError, ProviderError, SourceError, StreamfoldError
from ..reply import Reply, Verdict
from ..signals import Seam
from ..taps import Tap
from .facts import request_facts, response_facts
from .format import MAGIC, Kind, encode

if TYPE_CHECKING:
    from ..course import Course
    from ..network.attempts import Attempts
    from ..network.request import Request

_log = logging.getLogger("streamfold")


def record(course: Course, now: float) -> None:
    """Record the stream whose course is `course` where it says.

    Raises:
        CallerError: The file cannot be written.
    """
    named = {name: course.options.get(name) for name in ("dialect", "content_type")}
    course.taps = (*course.taps, Recorder(course.record, now, course.attempts, **named))


class Recorder(Tap):
    """A recording that is being written.

    Args:
        path: The file; what it held is overwritten.
        now: When the stream begins, in seconds of the clock that tells all its times.
        attempts: Where the source is a request: how one attempt follows the other.
        named: What the reader says of the stream, if anything: ``dialect``, ``content_type``.

    Raises:
        CallerError: The file cannot be written.
    """

    def __init__(self, path: str | Path, now: float, attempts: Attempts | None = None, **named: str | None) -> None:
        try:
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (closed at the end of the stream)
            self._file.write(MAGIC)
        except OSError as error:
            raise CallerError(f"cannot write {path}: {error.strerror}") from error
        self._started = now
        self._attempts = attempts
        self._n_chunks = 0
        self._is_empty_wire = False
        head = {"created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "by": f"streamfold {version('streamfold')}"}
        self._record("head", head | {name: value for name, value in named.items() if value is not None}, now)

    def __del__(self) -> None:
        if file := getattr(self, "_file", None):
            file.close()  # where nobody ended the stream

    def request(self, request: Request, attempt: int, now: float) -> None:
        """Write that a request is made; see `facts` for what is told of it."""
        self._n_chunks = 0
        facts = request_facts(request.method, request.url, request.json)
        self._record("request", facts | ({"dialect": request.dialect} if request.dialect else {}), now)
        if self._attempts is not None and self._attempts.seam is not None:
            self._seam(self._attempts.seam, now)

    def response(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Write what came before the stream."""
        self._record("response", response_facts(status, headers), now)

    def chunk(self, chunk: Any, now: float) -> None:
        """Write what one read brought."""
        if isinstance(chunk, Seam):
            self._seam(chunk, now)
            return
        if isinstance(chunk, bytes | bytearray | memoryview) and not len(chunk):
            self._is_empty_wire = not self._n_chunks
            return
        self._n_chunks += 1
        if isinstance(chunk, bytes | bytearray | memoryview):
            self._record("read", bytes(chunk), now)
        elif isinstance(chunk, str):
            self._record("text", chunk, now)
        else:
            from ..sources.objects import wire_form

            value = wire_form(chunk)
            if isinstance(value, Mapping):  # else it only repeats others, or is no chunk
                self._record("chunk", value, now)

    def _seam(self, seam: Seam, now: float) -> None:
        if seam.text is None:
            self._record("reconnect", b"" if seam.at == "event" else seam.at, now)
        else:
            self._record("resume", seam.text, now)

    def end(self, reply: Reply, now: float) -> None:
        """Write how the reading ended, as far as what was read does not tell, and close the file."""
        self.ended({name: value for name, value in self._ending(reply).items() if value is not None}, now)

    def ended(self, how: Mapping[str, Any], now: float) -> None:
        """Write `how` the reading ended, and close the file."""
        if self._is_empty_wire and not self._n_chunks:
            self._record("read", b"", now)  # it tells that these are no bytes, and not no text
        self._record("end", how, now)
        self._file.close()

    def _ending(self, reply: Reply) -> dict[str, Any]:
        if reply.verdict is Verdict.TIMED_OUT:
            return {"reading": "left", "verdict": "timed_out", "passed": reply.passed}
        if reply.verdict in (Verdict.CANCELLED, Verdict.STOPPED):
            return {"reading": "left", "verdict": "cancelled"}
        error = reply.error
        if isinstance(error, SourceError) or (isinstance(error, ProviderError) and not self._n_chunks):
            return {"reading": "failed", "verdict": "errored", "error": told(error)}
        return {"reading": "exhausted"}

    def _record(self, kind: Kind, data: bytes | str | Mapping[str, Any], now: float) -> None:
        if self._file.closed:
            return
        try:
            self._file.write(encode(kind, round((now - self._started) * 1e6), data))
        except (OSError, TypeError, ValueError, RecursionError):  # a full disk, or a client's chunk that is no JSON
            _log.exception("the recording ends here, as it cannot be written; the stream goes on")
            self._file.close()


def told(error: StreamfoldError) -> dict[str, Any]:
    """Return an error so that it can be made again."""
    if isinstance(error, ProviderError):
        names = ("message", "type", "code", "status", "retryable", "body")
        values = {name: getattr(error, name) for name in names}
        return {"kind": "ProviderError"} | {name: value for name, value in values.items() if value is not None}
    if error.__cause__ is not None:
        return {"kind": "SourceError", "cause": type(error.__cause__).__name__, "message": str(error.__cause__)}
    return {"kind": type(error).__name__, "message": str(error)}
