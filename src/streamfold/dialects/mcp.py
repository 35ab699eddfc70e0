"""Model Context Protocol, streamable HTTP: what a tool server answers to a request.

The wire, over server-sent events or as bare JSON::

    event: message
    data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}

    event: message
    data: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Hello"}],"isError":false}}

Strategy: JSON-RPC 2.0. It is no model that speaks here, so nothing is text: the result is a tool's, and is kept as it
came. What comes before it (notifications, requests to the client) is passed over, and the response ends the stream;
where it never comes, the stream is truncated. Before protocol version 2025-06-18 one list could hold several responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..folding.deltas import END, Delta, WholePart
from ..reply.parts import ServerToolResult
from .fields import objects, word
from .json_dialect import JSONDialect
from .provider_errors import provider_error


class MCP(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "mcp"
    VALUES = (Mapping, list)

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return value.get("jsonrpc") == "2.0"

    def read(self, value: Mapping[str, Any] | list[Any], event: str, deltas: list[Delta]) -> None:
        """Append what a message says to `deltas`."""
        n_before = len(deltas)
        for message in [value] if isinstance(value, Mapping) else objects(value):
            if message.get("error"):
                deltas.append(provider_error(message["error"], message))
            elif "result" in message:
                deltas.append(WholePart(ServerToolResult(_id(message.get("id")), "result", message["result"])))
        if len(deltas) > n_before:
            deltas.append(END)


def _id(value: Any) -> str | None:
    return str(value) if isinstance(value, int) else word(value)
