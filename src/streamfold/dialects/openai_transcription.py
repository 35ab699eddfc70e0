"""OpenAI's transcription of speech.

The wire, over server-sent events::

    data: {"type":"transcript.text.delta","delta":"Hel"}
    data: {"type":"transcript.text.delta","delta":"lo"}
    data: {"type":"transcript.text.done","text":"Hello","usage":{"input_tokens":9,"output_tokens":2}}
    data: [DONE]

The last event has the whole text again: it counts only as far as the pieces did not bring it. A transcription that was
not streamed is ``{"text": ...}``, which others say too: it is read where the dialect is named.

Where the speakers are told (``diarized_json``), the text comes in segments, and may come in pieces too, which the
segments then repeat::

    data: {"type":"transcript.text.segment","id":"seg_0","speaker":"A","text":" Hello","start":0.0,"end":1.2}

Who spoke when is kept as a citation of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from ..events import Details, TextDelta
from ..folding.deltas import END, Anomaly, Delta, Logprobs
from ..folding.surrogates import replace_surrogates
from ..reply.parts import TextPart
from ..reply.usage import Usage
from .fields import count, text
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error


class _PlainEvent(msgspec.Struct, gc=False):
    type: Literal["transcript.text.delta"]
    delta: str
    logprobs: Annotated[list[Any], msgspec.Meta(max_length=0)] | None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode


class OpenAITranscription(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_transcription"

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._has_logprobs = False
        self._in_segments = True  # as long as no piece came

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return text(value.get("type")).startswith("transcript.text.")

    def plain(self, data: bytes) -> Delta | None:
        """Return the text that a delta consists of."""
        delta = _decode_plain(data).delta
        if not delta:
            return None
        self._in_segments = False
        self._pieces.append(delta)
        return delta

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a transcription that was not streamed, says to `deltas`."""
        kind = value.get("type")
        if kind == "transcript.text.delta":
            self._in_segments = False
            self._say(text(value.get("delta")), deltas)
            self._tell_logprobs(value.get("logprobs"), deltas)
        elif kind == "transcript.text.segment":
            self._read_segment(value, deltas)
        elif kind == "transcript.text.done" or (kind is None and isinstance(value.get("text"), str)):
            self._read_end(value, deltas)
        elif error := find_error(value):
            deltas.append(provider_error(error, value))

    def _read_segment(self, segment: Mapping[str, Any], deltas: list[Delta]) -> None:
        if self._in_segments:
            words = text(segment.get("text"))
            self._say(words if self._pieces else words.lstrip(), deltas)
        deltas.append(Details(TextPart, {"citations": [segment]}))

    def _read_end(self, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        whole = replace_surrogates(text(value.get("text")))
        known = replace_surrogates("".join(self._pieces))
        if whole.startswith(known):
            self._say(whole[len(known) :], deltas)
        elif whole.strip() != known.strip():
            deltas.append(Anomaly("the pieces of the text do not add up to it"))
        if not self._has_logprobs:
            self._tell_logprobs(value.get("logprobs"), deltas)
        usage = value.get("usage")
        if isinstance(usage, Mapping):
            deltas.append(_usage(usage))
        deltas.append(END)

    def _say(self, words: str, deltas: list[Delta]) -> None:
        if words:
            self._pieces.append(words)
            deltas.append(TextDelta(words))

    def _tell_logprobs(self, entries: Any, deltas: list[Delta]) -> None:
        if isinstance(entries, list) and entries:
            self._has_logprobs = True
            deltas.append(Logprobs(entries))


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        total_tokens=count(usage.get("total_tokens")),
        raw=usage,
    )
