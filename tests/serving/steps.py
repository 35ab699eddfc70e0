"""What a server does in one response: a script, put together from steps.

A step is an async function of the connection. `answer` is a response with its head and its right end, around the steps
that are its body; a step that ends the connection, or waits for the client to end it, leaves that end out. ::

    serving(answer(send(WIRE)))                                     # as it should be
    serving(answer(send(WIRE[:100]), reset()))                      # cut off
    serving(answer(status=429, headers={"Retry-After": "1"}), answer(send(WIRE)))  # the first time, and then
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from http import HTTPStatus

from .server import Connection, Script

KEEP_ALIVE = b": keep-alive\n\n"


def answer(
    *steps: Script,
    status: int = 200,
    content_type: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
    close: bool = False,
    head_every: float | None = None,
) -> Script:
    """Return a whole response: its head, `steps`, and its end.

    Args:
        steps: Its body.
        status: Of HTTP.
        content_type: The header's value.
        headers: More of them.
        length: The Content-Length it promises, true or not. Else the body is in chunks.
        close: Whether the end of the connection is the end of the body.
        head_every: How many seconds lie between two bytes of the head, where it comes byte by byte.
    """
    extra = {"Connection": "close"} if close else {"Transfer-Encoding": "chunked"}
    if length is not None:
        extra = {"Content-Length": str(length)}
    names = {"Content-Type": content_type, **extra, **(headers or {})}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in names.items())]
    head = "\r\n".join([*lines, "", ""]).encode()

    async def play(connection: Connection) -> None:
        connection.chunked = False
        await (raw(head) if head_every is None else drip(head, head_every))(connection)
        connection.chunked = "Transfer-Encoding" in extra
        await each(*steps)(connection)
        if close:
            await cut()(connection)
        elif connection.chunked and connection.is_open:
            await connection.write(b"0\r\n\r\n")

    return play


def says(wire: bytes, *then: Script) -> Script:
    """Return a response that brings the lines of `wire`, one a write, and ends after the steps that follow."""
    content_type = "application/x-ndjson" if wire.startswith(b"{") else "text/event-stream"
    return answer(send(*wire.splitlines(keepends=True)), *then, content_type=content_type)


def each(*steps: Script) -> Script:
    """Do one after the other, as long as the connection is open."""

    async def play(connection: Connection) -> None:
        for step in steps:
            if connection.is_open:
                await step(connection)

    return play


def send(*pieces: bytes) -> Script:
    """Send each piece of the body in one write."""

    async def play(connection: Connection) -> None:
        for piece in pieces:
            await connection.body(piece)

    return play


def raw(data: bytes) -> Script:
    """Write `data` as it is, past the framing of HTTP."""

    async def play(connection: Connection) -> None:
        await connection.write(data)

    return play


def drip(data: bytes, every: float = 0.0) -> Script:
    """Send `data` as one piece of the body, byte by byte with its HTTP framing, so many seconds apart."""

    async def play(connection: Connection) -> None:
        framed = connection.framed(data)
        for at in range(len(framed)):
            await connection.write(framed[at : at + 1])
            await asyncio.sleep(every)

    return play


def pause(seconds: float) -> Script:
    """Do nothing for a while."""

    async def play(connection: Connection) -> None:
        await asyncio.sleep(seconds)

    return play


def hang() -> Script:
    """Do nothing more: the client has to leave."""
    return pause(3_600)


def endless(piece: bytes, every: float = 0.005) -> Script:
    """Send `piece` again and again, so many seconds apart: the client has to leave."""

    async def play(connection: Connection) -> None:
        while True:
            await connection.body(piece)
            await asyncio.sleep(every)

    return play


def stall(every: float = 0.005) -> Script:
    """Send nothing but keep-alives: the client has to leave."""
    return endless(KEEP_ALIVE, every)


def cut() -> Script:
    """End the connection by a FIN, whatever was promised."""

    async def play(connection: Connection) -> None:
        connection.transport.close()

    return play


def fall_silent() -> Script:
    """End the connection by a FIN that TLS does not know of, as whoever stands between can."""

    async def play(connection: Connection) -> None:
        connection.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
        await hang()(connection)

    return play


def reset() -> Script:
    """End the connection by an RST."""

    async def play(connection: Connection) -> None:
        connection.reset()

    return play


def half_close() -> Script:
    """Send a FIN, and keep the other half of the connection open: the client has to leave."""

    async def play(connection: Connection) -> None:
        connection.transport.write_eof()
        await hang()(connection)

    return play
