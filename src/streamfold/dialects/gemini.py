r"""Gemini's generateContent, as spoken by the Gemini API and by Vertex AI.

The wire, over server-sent events, or as the elements of one JSON array where ``alt=sse`` is not asked for::

    data: {"candidates":[{"content":{"parts":[{"text":"Let me see","thought":true}],"role":"model"},"index":0}],
           "usageMetadata":{"promptTokenCount":9,"totalTokenCount":9},"modelVersion":"m","responseId":"r"}
    data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"},"index":0}],"modelVersion":"m"}
    data: {"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"index":0}],"modelVersion":"m"}
    data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"x"}]},
           "finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,...}}

Every chunk is a whole response with the parts that are new. No marker ends the stream: the finish reason does, and
Vertex AI has said it in every chunk. What it blocks for its prompt has no candidates and no finish reason at all.

Tool calls come whole; on Vertex AI on request value by value, which `partial_args` writes as text. A signature is kept
with its part and ends it: Google forbids to merge signed parts with others. It often comes alone, with an empty text.
Tools of Google's own are `ServerToolCall` and `ServerToolResult`; what the text rests on is its citations.
Names are camelCase on the wire and snake_case in the client's objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..events import Details, PartBreak, PartStart, ReasoningDelta, TextDelta
from ..folding.deltas import Anomaly, ChoiceEnd, Delta, Identity, Logprobs, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ReasoningPart, TextPart
from ..reply.usage import Usage
from .fields import count, objects, text, word
from .gemini_parts import whole_parts
from .gemini_reasons import VERDICTS, block_reason, finish_reason
from .google_fields import either
from .json_dialect import JSONDialect
from .partial_args import PartialCall
from .provider_errors import find_error, provider_error

_NO_REPORT = msgspec.Raw(b"null")


class _PlainPart(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    text: str
    thought: bool = False


class _PlainContent(msgspec.Struct, gc=False):
    parts: tuple[_PlainPart]


class _PlainCandidate(msgspec.Struct, gc=False):
    content: _PlainContent
    index: Literal[0] = 0
    finishReason: None = None  # noqa: N815  # the wire's name, as are all below
    groundingMetadata: None = None  # noqa: N815
    citationMetadata: None = None  # noqa: N815
    urlContextMetadata: None = None  # noqa: N815
    logprobsResult: None = None  # noqa: N815


class _PlainChunk(msgspec.Struct, gc=False):
    candidates: tuple[_PlainCandidate]
    promptFeedback: None = None  # noqa: N815
    usageMetadata: msgspec.Raw = _NO_REPORT  # noqa: N815
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode

Words = type[TextPart] | type[ReasoningPart]
_TEXT: tuple[int, Words] = (0, TextPart)
_THOUGHT: tuple[int, Words] = (0, ReasoningPart)


class Gemini(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "gemini"

    def __init__(self) -> None:
        super().__init__()
        self.is_named = False
        self._is_vertex = False
        self._n_calls = 0
        self._open: dict[int, PartialCall] = {}  # by candidate: the call that will be continued
        self._unsigned: set[tuple[int, Words]] = set()  # runs that a signature may still belong to
        self._grounding: dict[tuple[int, str], Any] = {}

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        value = _unwrapped(value)
        if any("content" in one or either(one, "finishReason") for one in objects(value.get("candidates"))):
            return True
        return any(isinstance(either(value, name), Mapping) for name in ("usageMetadata", "promptFeedback"))

    def plain(self, data: bytes) -> Delta | None:
        """Return the words that a plain chunk consists of; put by what was counted so far."""
        chunk = _decode_plain(data)
        part = chunk.candidates[0].content.parts[0]
        if (report := chunk.usageMetadata) != _NO_REPORT:
            self.unread = report
        words = part.text
        if part.thought or not words:
            return self._thought(words) if words else None
        self._unsigned.add(_TEXT)
        return words

    def _thought(self, words: str) -> ReasoningDelta:
        self._unsigned.add(_THOUGHT)
        return ReasoningDelta(words)

    def read(self, chunk: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`."""
        chunk = _unwrapped(chunk)
        if not self.is_named:
            self._identify(chunk, deltas)
        for candidate in objects(chunk.get("candidates")):
            self._read_candidate(candidate, deltas)
        usage = either(chunk, "usageMetadata")
        if isinstance(usage, Mapping):
            deltas.append(self.usage(usage))
        feedback = either(chunk, "promptFeedback")
        if isinstance(feedback, Mapping):
            _read_feedback(feedback, deltas)
        if error := (chunk.get("error") if "candidates" in chunk else find_error(chunk)):
            deltas.append(provider_error(error, chunk))

    def usage(self, report: Mapping[str, Any]) -> Usage:
        """Return what a report counts; it is of the whole reply so far."""
        return Usage(
            input_tokens=count(either(report, "promptTokenCount")),
            output_tokens=count(either(report, "candidatesTokenCount")),  # without the thoughts
            total_tokens=count(either(report, "totalTokenCount")),
            cached_tokens=count(either(report, "cachedContentTokenCount")),
            reasoning_tokens=count(either(report, "thoughtsTokenCount")),
            raw=report,
        )

    def _identify(self, chunk: Mapping[str, Any], deltas: list[Delta]) -> None:
        identity = Identity(word(either(chunk, "responseId")), word(either(chunk, "modelVersion")))
        if identity != Identity():
            deltas.append(identity)
        self.is_named = "candidates" in chunk
        self._is_vertex = either(chunk, "createTime") is not None

    def _read_candidate(self, candidate: Mapping[str, Any], deltas: list[Delta]) -> None:
        choice = count(candidate.get("index")) or 0
        content = candidate.get("content")
        n_before = len(deltas)
        for part in objects(content.get("parts") if isinstance(content, Mapping) else None):
            self._read_part(part, choice, deltas)
        self._read_grounding(candidate, choice, deltas)
        if logprobs := _logprobs(either(candidate, "logprobsResult")):
            deltas.append(Logprobs(logprobs, choice))
        if reason := finish_reason(either(candidate, "finishReason"), vertex=self._is_vertex):
            verdict = VERDICTS.get(reason.upper(), Verdict.COMPLETE)
            deltas.append(ChoiceEnd(reason, verdict, choice))
            message = word(either(candidate, "finishMessage"))
            if message and verdict is not Verdict.COMPLETE:
                deltas.append(Anomaly(f"the model ended with {reason}: {message}"))
        if choice and len(deltas) == n_before:
            deltas.append(TextDelta("", choice))  # it is there, even if it says nothing yet

    def _read_part(self, part: Mapping[str, Any], choice: int, deltas: list[Delta]) -> None:
        signature = word(either(part, "thoughtSignature"))
        call = either(part, "functionCall")
        if isinstance(call, Mapping):
            self._read_call(call, signature, choice, deltas)
            return
        kind: Words = ReasoningPart if part.get("thought") is True else TextPart
        if words := text(part.get("text")):
            self._unsigned.add((choice, kind))
            deltas.append(ReasoningDelta(words, choice) if kind is ReasoningPart else TextDelta(words, choice))
        deltas.extend(WholePart(whole, choice) for whole in whole_parts(part))
        if signature:
            self._sign(kind, signature, choice, deltas)

    def _sign(self, kind: Words, signature: str, choice: int, deltas: list[Delta]) -> None:
        if (choice, kind) not in self._unsigned:
            deltas.append(PartStart(kind, choice))
        self._unsigned.discard((choice, kind))
        deltas.append(Details(kind, {"signature": signature}, choice))
        deltas.append(PartBreak(kind, choice))

    def _read_call(self, call: Mapping[str, Any], signature: str | None, choice: int, deltas: list[Delta]) -> None:
        name, id, args = word(call.get("name")), word(call.get("id")), call.get("args")
        parts = list(objects(either(call, "partialArgs")))
        continues = either(call, "willContinue") is True
        open_call = self._open.get(choice)
        if open_call is None or (name and name != open_call.name):
            if not (name or id or args or parts or continues):
                return
            open_call = self._open[choice] = PartialCall(self._n_calls, name)
            self._n_calls += 1
        arguments = open_call.add(args, parts, deltas)
        if not continues:
            arguments += open_call.close()
            del self._open[choice]
        deltas.append(
            ToolCallPiece(open_call.index, id, name, arguments, choice, ended=not continues, signature=signature)
        )

    def _read_grounding(self, candidate: Mapping[str, Any], choice: int, deltas: list[Delta]) -> None:
        citations = either(candidate, "citationMetadata")
        if isinstance(citations, Mapping):
            found = [*objects(citations.get("citations")), *objects(either(citations, "citationSources"))]
            if found:
                deltas.append(Details(TextPart, {"citations": found}, choice))
        for name in ("groundingMetadata", "urlContextMetadata"):
            value = either(candidate, name)
            if isinstance(value, Mapping) and value and value != self._grounding.get((choice, name)):
                self._grounding[choice, name] = value
                deltas.append(Details(TextPart, {"citations": [value]}, choice))


def _unwrapped(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the response in `value`, which Code Assist wraps."""
    inner = value.get("response")
    return inner if isinstance(inner, Mapping) and "candidates" in inner else value


def _read_feedback(feedback: Mapping[str, Any], deltas: list[Delta]) -> None:
    reason = block_reason(either(feedback, "blockReason"))
    if reason:
        message = word(either(feedback, "blockReasonMessage"))
        deltas.append(ChoiceEnd(None, Verdict.FILTERED))
        deltas.append(Anomaly(f"the prompt was blocked: {reason}" + (f": {message}" if message else "")))


def _logprobs(result: Any) -> list[Any]:
    """Return the chosen tokens, each with its alternatives beside it."""
    if not isinstance(result, Mapping):
        return []
    chosen = list(objects(either(result, "chosenCandidates")))
    top = list(objects(either(result, "topCandidates")))
    if len(top) != len(chosen):
        return chosen
    return [{**one, "topCandidates": others.get("candidates")} for one, others in zip(chosen, top, strict=True)]
