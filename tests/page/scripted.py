"""A scripted engine: an OpenAI-compatible server that says what a test tells it to, when the test says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.plain_server import HEAD, LAST, Peer, PlainServer, plain_server

PATIENCE = 20.0


class Scripted:
    """Replies in turn; each is a list of pieces, and a piece that is `WAIT` waits for `go`.

    Attributes:
        asked: The bodies of the requests.
        stopped: Set when a client left in the middle of a reply.
    """

    def __init__(self) -> None:
        self.replies: list[list[object]] = []
        self.asked: list[dict] = []
        self.stopped = threading.Event()
        self._gate = threading.Semaphore(0)
        self.server: PlainServer

    def says(self, *pieces: object) -> None:
        self.replies.append(list(pieces))

    def go(self) -> None:
        self._gate.release()

    def answer(self, peer: Peer, number: int) -> None:
        self.asked.append(json.loads(self.server.bodies[-1]))
        pieces = self.replies.pop(0)
        peer.send(HEAD)
        try:
            for piece in pieces:
                self._play(peer, piece)
        except OSError:
            self.stopped.set()
            raise

    def _play(self, peer: Peer, piece: object) -> None:
        if piece is WAIT:
            assert self._gate.acquire(timeout=PATIENCE), "the test never went on"
        elif piece is HANG:
            peer.wait_for_hangup()
        elif piece is END:
            peer.event(chunk({}, "stop"))
            peer.event(b"[DONE]")
            peer.send(LAST)
        elif piece is CUT:
            raise ConnectionResetError
        else:
            peer.event(chunk({"content": piece} if isinstance(piece, str) else piece))


WAIT, HANG, END, CUT = object(), object(), object(), object()


def chunk(delta: object, reason: str | None = None) -> bytes:
    return json.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).encode()


@contextmanager
def scripted() -> Iterator[Scripted]:
    engine = Scripted()
    with plain_server(engine.answer) as server:
        engine.server = server
        yield engine
        engine.go()
