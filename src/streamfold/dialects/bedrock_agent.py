"""Amazon Bedrock's agents: InvokeAgent, InvokeInlineAgent, InvokeFlow, RetrieveAndGenerate- and AgenticRetrieveStream.

The wire, as ``:event-type`` of an AWS event stream and payload; the bytes of a chunk are base64 of text::

    trace          {"agentId":"a","trace":{"orchestrationTrace":{"rationale":{"text":"I should look it up."}}}}
    chunk          {"bytes":"SGVsbG8=","attribution":{"citations":[{"retrievedReferences":[]}]}}
    files          {"files":[{"name":"a.png","type":"image/png","bytes":"iVBO..."}]}
    returnControl  {"invocationId":"i1","invocationInputs":[{"functionInvocationInput":{"function":"f"}}]}

A flow says ``flowOutputEvent`` and at last ``flowCompletionEvent``; a knowledge base ``output``, ``citation`` and what
a ``guardrail`` did; agentic retrieval ``responseEvent`` and at last ``result``, with the whole answer again. An agent
hands a tool over by returning control. Traces tell how it (and each agent it works with) came to its answer; they are
no part of the answer and are passed over.

Only a flow marks its end. So here the end of the stream is the end of the reply, if it comes between two messages and
there is an answer. The fields are those of the API's model as botocore 1.44 has it.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from typing import Any

from ..events import Details, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import MediaPart, ServerToolResult, TextPart
from .aws_dialect import AWSDialect
from .fields import blob, dumped, get, objects, text, word

_BODIES = {
    "chunk": "bytes",
    "files": "files",
    "returnControl": "invocationInputs",
    "trace": "trace",
    "output": "text",
    "citation": "citation",
    "guardrail": "action",
    "flowOutputEvent": "content",
    "flowMultiTurnInputRequestEvent": "content",
    "flowTraceEvent": "trace",
    "flowCompletionEvent": "completionReason",
    "responseEvent": "text",
    "result": "results",
    "traceEvent": "attributes",
}
"""Each type of event, and a field that its body always has."""


_COMMON = {"output", "citation", "guardrail", "result"}  # words that others use too


class BedrockAgent(AWSDialect):
    """Turn the frames of one agent's answer into deltas."""

    NAME = "bedrock_agent"

    def __init__(self) -> None:
        super().__init__()
        self._is_filtered = False
        self._has_answer = False  # of agentic retrieval, in pieces
        self._decode = getincrementaldecoder("utf-8")("replace").decode  # a chunk may end inside of a character

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`; `bedrock_invoke` is asked before for its chunks."""
        name, body = _named(value, event)
        if name == "chunk":
            return blob(body.get("bytes")) is not None
        return name is not None and (name == event or name not in _COMMON)

    def read_event(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> bool:
        """Append what an event says to `deltas`."""
        name, body = _named(value, event)
        n_before = len(deltas)
        match name:
            case "chunk":
                self._say(self._decode(blob(body.get("bytes")) or b""), body.get("attribution"), deltas)
            case "output":
                self._say(text(body.get("text")), None, deltas)
            case "citation":
                self._say("", {"citations": [body]}, deltas)
            case "guardrail":
                self._is_filtered = self._is_filtered or body.get("action") == "INTERVENED"
            case "files":
                deltas += [_media(file) for file in objects(body.get("files"))]
            case "returnControl":
                deltas += _calls(body)
            case "flowOutputEvent" | "flowMultiTurnInputRequestEvent":
                self._say(_document(get(body, "content", "document")), None, deltas)
            case "flowCompletionEvent":
                _read_completion(body, deltas)
            case "responseEvent":
                self._say(text(body.get("text")), None, deltas)
                self._has_answer = self._has_answer or bool(body.get("text"))
            case "result":
                self._read_result(body, deltas)
        self.ends_with_stream = self.ends_with_stream or len(deltas) > n_before
        return name is not None

    def close(self) -> list[Delta]:
        """Return that a guardrail withheld the answer, or a part of it, if one did."""
        return [ChoiceEnd("INTERVENED", Verdict.FILTERED)] if self._is_filtered else []

    def _say(self, words: str, attribution: Any, deltas: list[Delta]) -> None:
        if words:
            deltas.append(TextDelta(words))
        if citations := list(objects(get(attribution, "citations"))):
            deltas.append(Details(TextPart, {"citations": citations}))

    def _read_result(self, body: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Append what was retrieved, the answer's citations, and the answer itself if it did not come in pieces."""
        answer = body.get("generatedResponse")
        self._say("" if self._has_answer else text(get(answer, "answer")), answer, deltas)
        deltas.append(WholePart(ServerToolResult(None, "retrieval", body.get("results"))))


def _named(value: Mapping[str, Any], event: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return the type of an event and its body, which an SDK puts into an object whose key is the type."""
    for name, sure in _BODIES.items():
        body = value.get(name)
        if isinstance(body, Mapping) and sure in body:
            return name, body
    return (event if event in _BODIES and _BODIES[event] in value else None), value


def _media(file: Mapping[str, Any]) -> WholePart:
    return WholePart(MediaPart(word(file.get("type")) or "", blob(file.get("bytes")) or b""))


def _document(document: Any) -> str:
    return document if isinstance(document, str) else "" if document is None else dumped(document)


def _read_completion(body: Mapping[str, Any], deltas: list[Delta]) -> None:
    if reason := word(body.get("completionReason")):
        deltas += [ChoiceEnd(reason, Verdict.COMPLETE), END]


def _calls(body: Mapping[str, Any]) -> Iterator[ToolCallPiece]:
    """Yield the calls that an agent hands over. They share an id, so they are told apart by an index."""
    for index, either in enumerate(objects(body.get("invocationInputs"))):
        call = either.get("functionInvocationInput") or either.get("apiInvocationInput")
        name = word(get(call, "function")) or f"{text(get(call, 'httpMethod'))} {text(get(call, 'apiPath'))}".strip()
        arguments = {text(p.get("name")): p.get("value") for p in objects(get(call, "parameters"))}
        if isinstance(request := get(call, "requestBody"), Mapping):
            arguments["requestBody"] = request
        yield ToolCallPiece(index, word(body.get("invocationId")), name, dumped(arguments), ended=True)
