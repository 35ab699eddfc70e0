r"""Cohere's chat and generate, version 1.

The wire, as newline-delimited JSON::

    {"is_finished":false,"event_type":"stream-start","generation_id":"g1"}
    {"is_finished":false,"event_type":"search-queries-generation","search_queries":[{"text":"q","generation_id":"g2"}]}
    {"is_finished":false,"event_type":"search-results","search_results":[],"documents":[{"id":"d1","snippet":"s"}]}
    {"is_finished":false,"event_type":"text-generation","text":"Hel"}
    {"is_finished":false,"event_type":"text-generation","text":"lo"}
    {"is_finished":false,"event_type":"citation-generation","citations":[{"start":0,"end":5,"document_ids":["d1"]}]}
    {"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"name":"f"}}
    {"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"parameters":"{}"}}
    {"is_finished":false,"event_type":"tool-calls-generation","tool_calls":[{"name":"f","parameters":{}}]}
    {"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"text":"Hello","meta":{...}}}

``stream-end`` ends the stream and says everything again, as ``tool-calls-generation`` says the chunks before it again:
of either only what did not come before is taken. What the model says before it calls tools is its text here. A reply
that is not streamed is the ``response`` alone. The generate API says ``text-generation`` with an ``index``, and its
response has ``generations``. Searches are Cohere's own tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import Details, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ServerToolCall, ServerToolResult, TextPart
from .cohere_v2 import VERDICTS, read_end
from .fields import count, dumped, get, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainEvent(msgspec.Struct, gc=False):
    event_type: Literal["text-generation"]
    text: str
    index: Literal[0] | None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode

_TYPES = {
    "stream-start",
    "search-queries-generation",
    "search-results",
    "text-generation",
    "citation-generation",
    "tool-calls-chunk",
    "tool-calls-generation",
    "stream-end",
    "stream-error",
}


class CohereV1(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "cohere_v1"

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()  # fields of the response that events told before it came
        self._choices: set[int] = set()  # those that said something
        self._named: set[int] = set()  # calls whose name came
        self._argued: set[int] = set()  # and those whose arguments did

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = value.get("event_type")
        return kind in _TYPES if isinstance(kind, str) else _is_whole(value)

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that a plain event consists of."""
        words = _decode_plain(data).text
        if words:
            self._choices.add(0)
        return words or None

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event says to `deltas`."""
        match value.get("event_type"):
            case "stream-start":
                deltas.append(Identity(word(value.get("generation_id"))))
            case "text-generation":
                self._read_text(value.get("text"), count(value.get("index")) or 0, deltas)
            case "tool-calls-chunk":
                self._read_text(value.get("text"), 0, deltas)
                self._read_chunk(value.get("tool_call_delta"), deltas)
            case "tool-calls-generation" | "citation-generation" | "search-queries-generation" | "search-results":
                self._read_response(value, deltas)
                self._told.update(value)
            case "stream-end":
                self._read_end(value, value.get("response"), deltas)
            case "stream-error":
                deltas.append(provider_error(value.get("err") or value.get("finish_reason"), value))
            case None if _is_whole(value):
                self._read_end(value, value, deltas)
            case _ if error := find_error(value):
                deltas.append(provider_error(error, value))

    def _read_text(self, words: Any, choice: int, deltas: list[Delta]) -> None:
        if text(words):
            self._choices.add(choice)
            deltas.append(TextDelta(words, choice))

    def _read_chunk(self, piece: Any, deltas: list[Delta]) -> None:
        if isinstance(piece, Mapping):
            index, name, arguments = (
                count(piece.get("index")) or 0,
                word(piece.get("name")),
                text(piece.get("parameters")),
            )
            if name:
                self._named.add(index)
            if arguments:
                self._argued.add(index)
            deltas.append(ToolCallPiece(index, None, name, arguments or None))

    def _read_response(self, response: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Append what a response, or an event with some fields of it, says."""
        for query in objects(response.get("search_queries")):
            deltas.append(WholePart(ServerToolCall(None, "search", dumped({"text": query.get("text")}), complete=True)))
        if found := {name: response[name] for name in ("search_results", "documents") if response.get(name)}:
            deltas.append(WholePart(ServerToolResult(None, "search", found)))
        if 0 not in self._choices:
            self._read_text(response.get("text"), 0, deltas)
        if citations := list(objects(response.get("citations"))):
            deltas.append(Details(TextPart, {"citations": citations}))
        for index, call in enumerate(objects(response.get("tool_calls"))):
            name = None if index in self._named else word(call.get("name"))
            arguments = None if index in self._argued else dumped(call.get("parameters") or {})
            deltas.append(ToolCallPiece(index, None, name, arguments, ended=True))

    def _read_end(self, end: Mapping[str, Any], response: Any, deltas: list[Delta]) -> None:
        reason = end.get("finish_reason")
        if isinstance(response, Mapping):
            deltas.append(Identity(word(response.get("generation_id")) or word(response.get("id"))))
            self._read_response({name: response[name] for name in response if name not in self._told}, deltas)
            for n, generation in enumerate(objects(response.get("generations"))):
                self._read_generation(generation, n, deltas)
            reason = reason or response.get("finish_reason")
        read_end(reason, get(response, "meta"), deltas)
        deltas.append(END)

    def _read_generation(self, generation: Mapping[str, Any], n: int, deltas: list[Delta]) -> None:
        index = count(generation.get("index"))
        choice = n if index is None else index
        if choice not in self._choices:
            self._read_text(generation.get("text"), choice, deltas)
        if reason := word(generation.get("finish_reason")):
            deltas.append(ChoiceEnd(reason, VERDICTS.get(reason, Verdict.COMPLETE), choice))


def _is_whole(value: Mapping[str, Any]) -> bool:
    """Tell whether `value` is a reply that was not streamed."""
    return ("generation_id" in value and "text" in value) or isinstance(value.get("generations"), list)
