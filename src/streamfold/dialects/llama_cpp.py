"""The completion of llama.cpp's own server: ``POST /completion``, and ``/infill``.

The wire, over server-sent events::

    data: {"index":0,"content":" four","tokens":[1876],"stop":false,"tokens_predicted":1,"tokens_evaluated":6}
    data: {"index":0,"content":",","tokens":[28],"stop":false,"tokens_predicted":2,"tokens_evaluated":6}
    data: {"index":0,"content":"","tokens":[],"stop":true,"model":"m","tokens_predicted":2,"tokens_evaluated":6,
           "stop_type":"limit","stopping_word":"","timings":{"cache_n":5}}

Strategy: the frame with ``"stop": true`` is the end of one choice, and of the stream where there is one choice: nothing
marks the end of the whole. Several prompts make several choices, one after the other with a ``null`` between them. A
reply that is not streamed is one such frame with all of the text; for several prompts it is a list of them.

Older servers have flags (``stopped_eos``) in the place of ``stop_type``, and send an error in a field of its own
(``error:``), which the framing reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from ..events import TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, Logprobs
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, get, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_NoItems = Annotated[list[Any], msgspec.Meta(max_length=0)]


class _Piece(msgspec.Struct, gc=False):
    content: str
    stop: Literal[False]
    index: Literal[0] = 0
    completion_probabilities: _NoItems = []
    error: None = None


_decode_plain = msgspec.json.Decoder(_Piece).decode

_VERDICTS = {"limit": Verdict.LENGTH, "stopped_limit": Verdict.LENGTH}
"""What a ``stop_type`` means; the others are "eos", "word" (a stop sequence of the request) and "none"."""

_FLAGS = ("stopped_limit", "stopped_word", "stopped_eos")
_COUNTS = ("tokens_evaluated", "tokens_predicted", "tokens_cached", "truncated", "timings")


class LlamaCpp(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "llama_cpp"
    VALUES = (Mapping, type(None))

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return isinstance(value.get("content"), str) and isinstance(value.get("stop"), bool)

    def plain(self, data: bytes) -> Delta | None:
        """Return the text of a plain piece."""
        return _decode_plain(data).content or None

    def read(self, value: Mapping[str, Any] | None, event: str, deltas: list[Delta]) -> None:
        """Append what a frame says to `deltas`."""
        if value is None:
            return
        index = count(value.get("index")) or 0
        if words := text(value.get("content")):
            deltas.append(TextDelta(words, index))
        entries = value.get("completion_probabilities")
        if isinstance(entries, list) and entries:
            deltas.append(Logprobs(entries, index))
        if value.get("stop") is True:
            _read_end(value, index, deltas)
        error = value.get("error") if "content" in value else find_error(value)
        if error:
            deltas.append(provider_error(error, value))


def _read_end(value: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
    deltas.append(Identity(model=word(value.get("model"))))
    deltas.append(
        Usage(
            input_tokens=count(value.get("tokens_evaluated")),
            output_tokens=count(value.get("tokens_predicted")),
            cached_tokens=count(get(value, "timings", "cache_n")),
            raw={name: value[name] for name in _COUNTS if name in value},
        )
    )
    reason = word(value.get("stop_type")) or next((flag for flag in _FLAGS if value.get(flag) is True), "stop")
    deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason, Verdict.COMPLETE), index))
