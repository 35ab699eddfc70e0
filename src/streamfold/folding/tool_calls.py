"""Assemble tool calls from pieces that do not always say to which call they belong.

A well-behaved stream gives every piece an index and the first piece an id and a name. Real ones repeat the id and the
name in each piece, give two calls the same index, give none at all, or split the name (CASES.md 3). The rules, in the
order in which they decide:

1. A piece with an index belongs to the latest call of that index; one without, to the latest call of its id, else to
   the latest call.
2. It opens a new call all the same if it brings a name together with another id than that call has, or, where neither
   has an id, if that call's arguments are already a whole JSON object. A call without a name takes the next one.
3. An id is kept once known; an empty one says nothing. A name grows by each piece that is not a repeat of it.

A call is complete only when the stream has ended it and its arguments are strict JSON (RFC 8259: no NaN), unless they
are free text by the provider's word.
"""

from __future__ import annotations

import json
from typing import NoReturn

from ..reply.parts import ServerToolCall, ToolCall
from .deltas import ToolCallPiece

MAX_LOOKS = 16
"""How often the arguments of a call without an id are tested for being whole, when its name is said again."""


class OpenCall:
    """A tool call in the making."""

    __slots__ = (
        *("arguments", "ended", "free_text", "id", "index", "n_looks", "name", "place", "server", "server_name"),
        "signature",
    )

    def __init__(self, index: int | None, place: int) -> None:
        self.index = index
        self.place = place
        self.id: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        self.ended = False
        self.n_looks = 0
        self.server = False
        self.signature: str | None = None
        self.free_text = False
        self.server_name: str | None = None

    def add(self, piece: ToolCallPiece) -> None:
        """Take what `piece` says of the call itself."""
        self.id = self.id or piece.id or None
        if piece.name and piece.name != self.name:
            self.name += piece.name
        self.server = self.server or piece.server
        self.signature = piece.signature or self.signature
        self.free_text = self.free_text or piece.free_text
        self.server_name = piece.server_name or self.server_name

    def freeze(self) -> ToolCall | ServerToolCall:
        """Return the call as it stands. Where a call without arguments has ended, they are ``{}``."""
        text = "".join(self.arguments)
        if self.ended and not text.strip() and not self.free_text:
            text = "{}"
        complete = self.ended and (self.free_text or is_strict_json(text))
        if self.server:
            return ServerToolCall(self.id, self.name, text, complete, self.server_name)
        return ToolCall(self.id, self.name, text, complete, self.signature, self.free_text)


class ToolCallAssembler:
    """The tool calls of one choice.

    It tells where a piece belongs; who feeds it appends the piece's arguments to that call, as valid Unicode.
    """

    def __init__(self) -> None:
        self.calls: list[OpenCall] = []
        self._by_index: dict[int, OpenCall] = {}
        self._by_id: dict[str, OpenCall] = {}

    def feed(self, piece: ToolCallPiece) -> tuple[OpenCall, bool]:
        """Return the call that `piece` belongs to, and whether it is a new one."""
        call = self._find(piece)
        new = call is None or _opens_another(piece, call)
        if new:
            call = OpenCall(piece.index, len(self.calls))
            self.calls.append(call)
            if piece.index is not None:
                self._by_index[piece.index] = call
        assert call is not None
        call.add(piece)
        if piece.id:
            self._by_id.setdefault(piece.id, call)
        return call, new

    def _find(self, piece: ToolCallPiece) -> OpenCall | None:
        if piece.index is not None:
            return self._by_index.get(piece.index)
        if piece.id and piece.id in self._by_id:
            return self._by_id[piece.id]
        return self.calls[-1] if self.calls else None


def _opens_another(piece: ToolCallPiece, call: OpenCall) -> bool:
    if not piece.name:
        return False
    if piece.id and call.id:
        return piece.id != call.id
    if not call.name:
        return False
    if piece.id or call.id:
        return piece.name != call.name and bool(call.arguments)
    return bool(call.arguments) and (piece.name != call.name or _looks_whole(call))


def _looks_whole(call: OpenCall) -> bool:
    # Each look costs as much as the arguments are long; the bound keeps a hostile stream linear.
    if call.n_looks == MAX_LOOKS or not call.arguments[-1].rstrip().endswith("}"):
        return False
    call.n_looks += 1
    return is_strict_json("".join(call.arguments))


def is_strict_json(text: str) -> bool:
    """Tell whether `text` is one JSON value by RFC 8259, which knows no NaN and no Infinity."""
    try:
        json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return False
    return True


def _reject(constant: str) -> NoReturn:
    raise ValueError(constant)
