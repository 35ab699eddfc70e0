"""Say a recording in the wire of another dialect, with its own timing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..encoders import encoder_named
from ..intake import Intake, Options
from .faults import Piece
from .format import MAGIC, encode
from .source import Recording

_SNIFFED = ((b"{", "application/x-ndjson"), (b"[", "application/json"), (b"\0", "application/vnd.amazon.eventstream"))


def converted(recording: Recording, name: str, options: Options) -> tuple[list[Piece], dict[str, str]]:
    """Return the pieces that say `recording` as the dialect called `name`, and the HTTP headers that go with them.

    Raises:
        CallerError: There is no encoder of that name.
    """
    kind = encoder_named(name)
    own: Options = {"content_type": recording.content_type}
    intake = Intake(**(own | options))
    timed: list[tuple[float, list[Any]]] = []
    at = 0.0
    for chunk in recording.folded:
        at = chunk.at
        timed.append((at, list(intake.feed(chunk.data))))
        if intake.fold.ended:
            break
    how = recording.ending
    timed.append((at, list(intake.close(how.verdict, how.error) if how else intake.close())))
    reply = intake.fold.reply
    encoder = kind(reply.id, reply.model, _created(recording))
    pieces = [Piece(at, b"".join([encoder.feed(event) for event in events])) for at, events in timed]
    return [piece for piece in pieces if piece.data], {"content-type": kind.CONTENT_TYPE, **kind.HEADERS}


def wire_of(recording: Recording, options: Options) -> tuple[list[Piece], dict[str, str]]:
    """Return the pieces of a recording's wire; where it recorded no wire but text or chunks, that of OpenAI chat."""
    if not recording.is_wire:
        return converted(recording, "openai_chat", options)
    pieces = [Piece(chunk.at, chunk.data) for chunk in recording.chunks]
    headers = (recording.last.response or {}).get("headers")
    told = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    return pieces, {"content-type": recording.content_type or _sniffed(pieces), **told}


def _sniffed(pieces: list[Piece]) -> str:
    start = b"".join([piece.data for piece in pieces[:8]]).removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for mark, kind in _SNIFFED if start.startswith(mark)), "text/event-stream")


def _created(recording: Recording) -> float:
    try:
        return datetime.fromisoformat(str(recording.head.get("created"))).timestamp()
    except ValueError:
        return 0.0


def as_recording(recording: Recording, pieces: list[Piece], headers: dict[str, str]) -> bytes:
    """Return a recording of `pieces`, which were made of `recording`: with what is told of it, and its timing."""
    last = recording.last
    head = {"by": "streamfold", **recording.head}
    response = {**(last.response or {"status": 200}), "content_type": headers["content-type"]}
    records = [MAGIC, encode("head", 0, head)]
    if last.request is not None:
        records.append(encode("request", _micro(last.at), last.request))
    records.append(encode("response", _micro(last.answered_at or last.at), response))
    records += [encode("read", _micro(piece.at), piece.data) for piece in pieces]
    if last.end is not None:
        records.append(encode("end", _micro(last.ended_at or last.at), last.end))
    return b"".join(records)


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)
