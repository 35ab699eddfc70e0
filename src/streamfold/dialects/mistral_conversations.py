r"""Mistral's conversations, which its agents speak: ``POST /v1/conversations#stream``. Its chat speaks OpenAI chat.

The wire, over server-sent events whose type is also in the data::

    data: {"type":"conversation.response.started","conversation_id":"conv_1"}
    data: {"type":"tool.execution.started","output_index":0,"id":"t1","name":"web_search","arguments":"{\"query\":"}
    data: {"type":"tool.execution.delta","output_index":0,"id":"t1","name":"web_search","arguments":"\"q\"}"}
    data: {"type":"tool.execution.done","output_index":0,"id":"t1","name":"web_search","info":{}}
    data: {"type":"message.output.delta","output_index":1,"content_index":0,"id":"m1","model":"m","content":"Hel"}
    data: {"type":"message.output.delta","output_index":1,"content_index":0,"id":"m1","model":"m","content":"lo"}
    data: {"type":"function.call.delta","output_index":2,"id":"f1","tool_call_id":"c1","name":"f","arguments":"{}"}
    data: {"type":"conversation.response.done","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}

``conversation.response.done`` ends the stream; no reason is given. Content is a string or a part of a message as in
the chat; each output is a part of its own. What is not streamed has a list of the outputs. Agents that hand over to
each other are passed over. The fields are those of mistralai 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import PartStart
from ..folding.deltas import END, Delta, Identity, ToolCallPiece, WholePart
from ..reply.parts import ServerToolResult, TextPart
from .fields import count, objects, text, word
from .json_dialect import JSONDialect
from .openai_chat import read_content, usage_of
from .provider_errors import find_error, provider_error


class _PlainEvent(msgspec.Struct, gc=False):
    type: Literal["message.output.delta"]
    content: str
    output_index: int


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_WHOLE = "conversation.response"
_EVENTS = {
    *("conversation.response.started", "conversation.response.done", "conversation.response.error"),
    *("message.output.delta", "function.call.delta", "agent.handoff.started", "agent.handoff.done"),
    *("tool.execution.started", "tool.execution.delta", "tool.execution.done"),
}


class MistralConversations(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "mistral_conversations"

    def __init__(self) -> None:
        super().__init__()
        self._output: int | None = -1  # that the latest words were in

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return value.get("object") == _WHOLE or text(value.get("type")) in _EVENTS

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that `data` is, if it is of the message that words came of before."""
        event = _decode_plain(data)
        if event.output_index != self._output:
            raise ValueError
        return event.content or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a response that was not streamed, says to `deltas`."""
        kind = text(value.get("type")) or text(value.get("object"))
        if kind == "conversation.response.started":
            deltas.append(Identity(word(value.get("conversation_id"))))
        elif kind == "conversation.response.done":
            self._end(value, deltas)
        elif kind == _WHOLE:
            deltas.append(Identity(word(value.get("conversation_id"))))
            for at, output in enumerate(objects(value.get("outputs"))):
                self._read_output({"output_index": at, **output}, f"{output.get('type')}.whole", deltas)
            self._end(value, deltas)
        elif kind == "conversation.response.error":
            deltas.append(provider_error(value, value))
        elif kind in _EVENTS:
            self._read_output(value, kind, deltas)
        elif error := find_error(value):
            deltas.append(provider_error(error, value))

    def _read_output(self, value: Mapping[str, Any], kind: str, deltas: list[Delta]) -> None:
        at, name, arguments = count(value.get("output_index")), word(value.get("name")), text(value.get("arguments"))
        if kind.startswith("message.output."):
            self._read_message(at, value, deltas)
        elif kind.startswith("function.call."):
            ended = kind.endswith(".whole")
            deltas.append(ToolCallPiece(at, word(value.get("tool_call_id")), name, arguments, ended=ended))
        elif kind.startswith("tool.execution."):
            ended = kind.endswith((".done", ".whole"))
            deltas.append(ToolCallPiece(at, word(value.get("id")), name, arguments, ended=ended, server=True))
            if info := value.get("info"):
                deltas.append(WholePart(ServerToolResult(word(value.get("id")), name or "", info)))

    def _read_message(self, at: int | None, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        if at != self._output:
            self._output = at
            deltas += [Identity(model=word(value.get("model"))), PartStart(TextPart)]
        content = value.get("content")
        for part in content if isinstance(content, list) else [content]:
            read_content(part, 0, deltas)

    def _end(self, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        usage = value.get("usage")
        if isinstance(usage, Mapping):
            deltas.append(usage_of(usage))
        deltas.append(END)
