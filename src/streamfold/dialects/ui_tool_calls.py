"""The calls of tools in a stream to a page, by the AI SDK: a call is named by its id in all that is said of it.

The arguments may come twice, in pieces and whole: the whole ones count only where there were no pieces. The sender runs
tools itself: a call that got its result in the stream is the server's, so that nobody executes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..folding.deltas import Delta, ToolCallPiece, WholePart
from ..reply.parts import ServerToolResult
from .fields import dumped


@dataclass(slots=True)
class _Call:
    place: int
    name: str = "tool"
    spelled: bool = False


class UIToolCalls:
    """The calls in one stream, as far as they are known."""

    def __init__(self) -> None:
        self._calls: dict[str | None, _Call] = {}

    def piece(self, id: str | None, arguments: str) -> Delta:
        """Return a piece of a call's arguments."""
        call = self._named(id)
        call.spelled = call.spelled or bool(arguments)
        return ToolCallPiece(call.place, id, None, arguments)

    def start(self, id: str | None, name: str | None, *, server: bool = False) -> Delta:
        """Return the start of a call."""
        return ToolCallPiece(self._named(id, name).place, id, name, server=server)

    def whole(
        self, id: str | None, name: str | None, arguments: Any, *, server: bool = False, signature: str | None = None
    ) -> Delta:
        """Return the end of a call, with its arguments if they did not come in pieces."""
        call = self._named(id, name)
        if call.spelled or arguments is None:
            arguments = None
        elif not isinstance(arguments, str):
            arguments = dumped(arguments)
        return ToolCallPiece(call.place, id, name, arguments, ended=True, server=server, signature=signature)

    def result(self, id: str | None, content: Any) -> list[Delta]:
        """Return the result of a call, which may be one of an earlier message (after a human's approval)."""
        call = self._calls.get(id)
        if call is None:
            return [WholePart(ServerToolResult(id, "tool", content))]
        return [ToolCallPiece(call.place, id, server=True), WholePart(ServerToolResult(id, call.name, content))]

    def _named(self, id: str | None, name: str | None = None) -> _Call:
        call = self._calls.setdefault(id, _Call(len(self._calls)))
        call.name = name or call.name
        return call
