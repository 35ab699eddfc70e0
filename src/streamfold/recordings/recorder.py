"""Write a recording while its stream is read.

Each record is one write, made before what it holds is handed on, so that whatever ends the program leaves all that was
shown. A disk that is full costs the recording, not the answer: that is told in the log, and the stream goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import CallerError, ProviderError, SourceError, StreamfoldError
from ..folding import Shown
from ..intake import Intake
from ..recording import MAGIC, Kind, encode
from ..reply import Verdict
from .facts import request_facts, response_facts

_log = logging.getLogger("streamfold")


class Recorder:
    """A recording that is being written.

    Args:
        path: The file; what it held is overwritten.
        clock: Tells the time in seconds, from any start.

    Raises:
        CallerError: The file cannot be written.
    """

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (closed at the end of the stream)
        except OSError as error:
            raise CallerError(f"cannot write {path}: {error.strerror}") from error
        self._clock = clock
        self._started = clock()
        self._file.write(MAGIC)
        self._record("head", {"created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "by": _name()})

    def tap(self, intake: Intake) -> Tap:
        """Return `intake` as one that writes down what it takes in."""
        return Tap(intake, self)

    def request(self, method: str, url: str, body: Any = None) -> None:
        """Write that a request is made; see `facts` for what is told of it."""
        self._record("request", request_facts(method, url, body))

    def response(self, status: int, headers: Mapping[str, str]) -> None:
        """Write what came before the stream."""
        self._record("response", response_facts(status, headers))

    def chunk(self, chunk: Any) -> None:
        """Write what one read brought."""
        if isinstance(chunk, bytes | bytearray | memoryview):
            if len(chunk):
                self._record("read", bytes(chunk))
        elif isinstance(chunk, str):
            self._record("text", chunk)
        else:
            from ..sources.objects import wire_form

            value = wire_form(chunk)
            if isinstance(value, Mapping):  # else it only repeats others, or is no chunk
                self._record("chunk", value)

    def end(self, reading: str, verdict: Verdict | None, error: StreamfoldError | None, passed: str | None) -> None:
        """Write how the reading ended.

        Args:
            reading: ``"exhausted"``, where the source had no more; ``"left"``, where its reader wanted no more;
                ``"failed"``, where it broke.
            verdict: What its reader then said of the stream.
            error: What broke it.
            passed: Which deadline passed, in words.
        """
        told = {"reading": reading, "verdict": verdict and str(verdict), "error": _told(error), "passed": passed}
        self._record("end", {name: value for name, value in told.items() if value is not None})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _record(self, kind: Kind, data: bytes | str | Mapping[str, Any]) -> None:
        if self._file.closed:
            return
        try:
            self._file.write(encode(kind, round((self._clock() - self._started) * 1e6), data))
        except (OSError, TypeError, ValueError, RecursionError):  # a full disk, or a client's chunk that is no JSON
            _log.exception("the recording ends here, as it cannot be written; the stream goes on")
            self._file.close()


class Tap:
    """An intake that writes down what it takes in.

    Attributes:
        fold: That of the intake.
    """

    def __init__(self, intake: Intake, recorder: Recorder) -> None:
        self.fold = intake.fold
        self._intake = intake
        self._recorder = recorder

    def feed(self, chunk: Any) -> Shown:
        """Take the next chunk in; return what can be handed on."""
        self._recorder.chunk(chunk)
        return self._intake.feed(chunk)

    def take(self, chunk: Any) -> Shown | str:
        """The same, but a single piece of text may come without a list around it."""
        self._recorder.chunk(chunk)
        return self._intake.take(chunk)

    def close(self, verdict: Verdict | None = None, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`."""
        reading = "failed" if error else "left" if verdict or self.fold.ended else "exhausted"
        passed = getattr(self.fold, "passed", None)
        self._recorder.end(reading, verdict, error, passed)
        return self._intake.close(verdict, error)


def _told(error: StreamfoldError | None) -> dict[str, Any] | None:
    """Return an error so that it can be made again."""
    if error is None:
        return None
    if isinstance(error, ProviderError):
        names = ("message", "type", "code", "status", "retryable", "body")
        values = {name: getattr(error, name) for name in names}
        return {"kind": "ProviderError"} | {name: value for name, value in values.items() if value is not None}
    if isinstance(error, SourceError) and error.__cause__ is not None:
        cause = error.__cause__
        return {"kind": "SourceError", "cause": type(cause).__name__, "message": str(cause)}
    return {"kind": type(error).__name__, "message": str(error)}


def _name() -> str:
    from importlib.metadata import version

    return f"streamfold {version('streamfold')}"
