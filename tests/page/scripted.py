"""A scripted engine: an OpenAI-compatible server that says what a test tells it to, when the test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving.recordings import DONE, event
from tests.serving.server import Connection, Received, Script, Server, serving
from tests.serving.steps import answer, cut, hang, send

PATIENCE = 20.0


class Scripted:
    """Replies in turn; each is a list of pieces, and a piece that is `WAIT` waits for `go`.

    Attributes:
        asked: The bodies of the requests.
        server: Where it is, and who has left it.
    """

    def __init__(self) -> None:
        self.replies: list[list[object]] = []
        self.asked: list[dict] = []
        self._gate = threading.Semaphore(0)
        self.server: Server

    def says(self, *pieces: object) -> None:
        self.replies.append(list(pieces))

    def go(self) -> None:
        self._gate.release()

    def answer(self, number: int, request: Received) -> Script:
        self.asked.append(request.json)
        return answer(*map(self._step, self.replies.pop(0)))

    def _step(self, piece: object) -> Script:
        if piece is WAIT:
            return self._wait
        if piece is HANG:
            return hang()
        if piece is END:
            return send(chunk({}, "stop"), DONE)
        if piece is CUT:
            return cut()
        return send(chunk({"content": piece} if isinstance(piece, str) else piece))

    async def _wait(self, connection: Connection) -> None:
        assert await asyncio.to_thread(self._gate.acquire, timeout=PATIENCE), "the test never went on"


WAIT, HANG, END, CUT = object(), object(), object(), object()


def chunk(delta: object, reason: str | None = None) -> bytes:
    return event({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


@contextmanager
def scripted() -> Iterator[Scripted]:
    engine = Scripted()
    with serving(choose=engine.answer) as server:
        engine.server = server
        yield engine
        engine.go()
