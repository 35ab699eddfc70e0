"""Text generation of IBM watsonx: ``POST /ml/v1/text/generation_stream``. Its chat speaks OpenAI chat.

The wire, over server-sent events::

    event: message
    data: {"model_id":"m","results":[{"generated_text":"","generated_token_count":0,"input_token_count":8,
           "stop_reason":"not_finished"}]}

    event: message
    data: {"model_id":"m","results":[{"generated_text":"Hello","generated_token_count":1,"input_token_count":0,
           "stop_reason":"not_finished"}]}

    event: message
    data: {"model_id":"m","results":[{"generated_text":"","generated_token_count":2,"input_token_count":0,
           "stop_reason":"eos_token"}]}

Strategy: every chunk has a piece of text and the tokens generated so far; the tokens of the prompt only the first, and
0 stands for them in the others. There is no end marker beyond the stop reason. A reply that is not streamed is one
chunk with all of the text. Errors are a list: ``{"errors": [{"code", "message"}], "status_code": 400}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import TextDelta
from ..folding.deltas import ChoiceEnd, Delta, Identity, Logprobs
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, objects, text, word
from .json_dialect import JSONDialect
from .provider_errors import find_error, provider_error

_VERDICTS = {
    "max_tokens": Verdict.LENGTH,
    "token_limit": Verdict.LENGTH,
    "time_limit": Verdict.LENGTH,
    "cancelled": Verdict.CANCELLED,
    "error": Verdict.ERRORED,
}
"""What a stop reason means; "eos_token" and "stop_sequence" are natural ends."""


class Watsonx(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "watsonx"

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return any("generated_text" in result for result in objects(value.get("results")))

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what a chunk says to `deltas`."""
        deltas.append(Identity(word(value.get("id")), word(value.get("model_id"))))
        for result in objects(value.get("results")):
            _read_result(result, deltas)
        if error := find_error(value):
            deltas.append(provider_error(error, value))


def _read_result(result: Mapping[str, Any], deltas: list[Delta]) -> None:
    if words := text(result.get("generated_text")):
        deltas.append(TextDelta(words))
    tokens = list(objects(result.get("generated_tokens")))
    if any("logprob" in token for token in tokens):
        deltas.append(Logprobs(tokens))
    counts = {name: n for name in ("input_token_count", "generated_token_count") if (n := count(result.get(name)))}
    if counts:
        deltas.append(Usage(counts.get("input_token_count"), counts.get("generated_token_count"), raw=counts))
    reason = word(result.get("stop_reason"))
    if reason and reason.lower() != "not_finished":
        deltas.append(ChoiceEnd(reason, _VERDICTS.get(reason.lower(), Verdict.COMPLETE)))
