r"""Hugging Face's text generation inference: ``POST /generate_stream``. Its chat speaks OpenAI chat.

The wire, over server-sent events::

    data:{"index":1,"token":{"id":15043,"text":"Hel","logprob":-0.4,"special":false},"generated_text":null}
    data:{"index":2,"token":{"id":322,"text":"lo","logprob":-0.1,"special":false},"generated_text":null}
    data:{"index":3,"token":{"id":2,"text":"</s>","logprob":-0.9,"special":true},"generated_text":"Hello",
          "details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":9}}

An event is a token, with its log-probability. A special one is no text. ``generated_text`` ends the stream; it is the
whole text again, and counts only as far as the tokens did not bring it. The details are there if they were asked for.
What is not streamed is the last event without a token, or a list of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Logprobs
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_VERDICTS = {"length": Verdict.LENGTH}
"""What a finish reason means; "eos_token" and "stop_sequence" are natural ends."""


class TextGeneration(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "text_generation"

    def __init__(self) -> None:
        super().__init__()
        self._has_text = False

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        token = value.get("token")
        return "generated_text" in value or (isinstance(token, Mapping) and "text" in token and "special" in token)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a text that was not streamed, says to `deltas`."""
        token = value.get("token")
        if isinstance(token, Mapping):
            self._read_token(token, value.get("top_tokens"), deltas)
        whole, details = value.get("generated_text"), value.get("details")
        if isinstance(whole, str) and not self._has_text:
            deltas.append(TextDelta(whole))
        if isinstance(details, Mapping):
            _read_details(details, deltas)
        if isinstance(whole, str):
            deltas.append(END)
        elif error := find_error(value):
            said = {"message": error, "type": value.get("error_type")} if isinstance(error, str) else error
            deltas.append(provider_error(said, value))

    def _read_token(self, token: Mapping[str, Any], top: Any, deltas: list[Delta]) -> None:
        words = text(token.get("text"))
        if words and token.get("special") is not True:
            self._has_text = True
            deltas.append(TextDelta(words))
        if token.get("logprob") is not None:
            deltas.append(Logprobs([{**token, "top_tokens": top} if top else token]))


def _read_details(details: Mapping[str, Any], deltas: list[Delta]) -> None:
    deltas.append(Usage(count(details.get("input_length")), count(details.get("generated_tokens")), raw=details))
    if reason := word(details.get("finish_reason")):
        deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason, Verdict.COMPLETE)))
