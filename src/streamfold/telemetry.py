"""Tell OpenTelemetry of a stream: one span, and the metrics of its end. Needs the extra ``[otel]``.

Names are those of the `GenAI semantic conventions, version 0.1.0
<https://github.com/open-telemetry/semantic-conventions-genai/blob/v0.1.0/docs/gen-ai/client-inference.md>`_, which
replace ``gen_ai.client.token.usage`` and ``gen_ai.client.operation.*``.

- The span ``{operation} {model}`` covers the stream with all its attempts. A reply that is not a whole answer, for
  which `Reply.raise_for_verdict` raises, sets its status and ``error.type``: the provider's own code or type or HTTP
  status, or the name of the exception, or the verdict.
- Metrics: ``gen_ai.client.inference.duration`` and ``.time_to_first_chunk``, and the tokens, once as counters of all
  (``.usage.*``) and once as histograms of each (``.operation.*``). What the provider did not count to the end is left
  out, where the conventions would have a 0. ``.time_per_output_chunk`` is only for who asks: recording a value costs
  more than folding ten chunks.

No prompt and no answer is told unless asked for, nor a message of an error, which may quote either. Nothing costs
anything where no `Telemetry` is among the ``taps`` of a stream: this module is not even loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

try:
    from opentelemetry import context, metrics, trace
except ImportError as missing:
    raise ImportError("streamfold.telemetry needs OpenTelemetry: pip install 'streamfold[otel]'") from missing

from .errors import ProviderError, VerdictError
from .parts import ReasoningPart, TextPart, ToolCall
from .reply import Reply, Verdict
from .taps import Tap

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from .parts import Part
    from .reply import Choice
    from .request import Request

Attributes = dict[str, "AttributeValue"]
Operation = Literal["chat", "generate_content", "text_completion"]

_SECONDS = [0.01 * 2**n for n in range(14)]
_TOKENS = [4**n for n in range(14)]

_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
}
"""Whose a host is, or all hosts below it."""

_FLAVOURS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gen_ai", "bedrock": "aws.bedrock"}
"""Whose format a dialect is, by the first word of its name, where it is not the provider's own name."""

_OPERATIONS: list[tuple[str, Operation]] = [
    (r":(stream)?[gG]enerateContent$", "generate_content"),
    (r"(?<!/chat)/completions?$|/api/generate$|/v1/complete$", "text_completion"),
]
_NOT_IN_INPUT = {
    "anthropic_messages": ("cache_read_input_tokens", "cache_creation_input_tokens"),
    "bedrock_converse": ("cacheReadInputTokens", "cacheWriteInputTokens"),
}
"""Counts that the provider does not include in its input tokens, as the conventions do."""


class Telemetry(Tap):
    """The span and the metrics of one stream: make one for each.

    The span's parent is the one that is current where this is made, and it begins then.

    Args:
        model: The model that is asked, where no `Request` says it.
        provider: Who serves it, by the conventions' name, where the host does not tell.
        operation: What is done, where the URL does not tell.
        content: Whether to record what was asked and what was answered.
        every_chunk: Whether to record the time that each chunk took.
        tracer_provider: Instead of the global one.
        meter_provider: Instead of the global one.

    Example::

        reply = fold(streamfold.openai("gpt-5", "Hello"), taps=[Telemetry()])
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        provider: str | None = None,
        operation: Operation | None = None,
        content: bool = False,
        every_chunk: bool = False,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("streamfold", tracer_provider=tracer_provider)
        self._instruments = _instruments(meter_provider)
        self._given = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
        }
        self._content = content
        self._parent = context.get_current()
        self._started = time_ns()
        self._span: trace.Span | None = None
        self._common: Attributes = {}
        self._latest: float | None = None
        if every_chunk:
            self.chunk = self._time_chunk  # type: ignore[method-assign]

    def request(self, request: Request, attempt: int, now: float) -> None:
        """Begin the span, now that it is known what is asked; further attempts belong to it."""
        if self._span is None:
            self._begin(_asked(request))
            if self._content and (messages := _input(request.json)):
                self._span_set({"gen_ai.input.messages": json.dumps(messages)})

    def end(self, reply: Reply, now: float) -> None:
        """End the span, and record the metrics."""
        if self._span is None:
            self._begin({})
        if "gen_ai.provider.name" not in self._common:
            self._common["gen_ai.provider.name"] = _flavour(reply.dialect)
            self._span_set(self._common)
        if reply.model:
            self._common["gen_ai.response.model"] = reply.model
        usage = _usage(reply)
        self._span_set(_answered(reply) | {f"gen_ai.usage.{name}": n for name, n in usage.items()})
        if self._content:
            self._span_set({"gen_ai.output.messages": json.dumps([_message(choice) for choice in reply.choices])})
        ended = time_ns()
        error = self._judge(reply)
        self._record(reply, usage, (ended - self._started) / 1e9, error)
        assert self._span is not None
        self._span.end(ended)

    def _begin(self, asked: Attributes) -> None:
        given = {name: value for name, value in self._given.items() if value is not None}
        self._common = {"gen_ai.operation.name": "chat"} | asked | given
        words = (self._common["gen_ai.operation.name"], self._common.get("gen_ai.request.model"))
        self._span = self._tracer.start_span(
            " ".join(str(word) for word in words if word),
            self._parent,
            trace.SpanKind.CLIENT,
            {**self._common, "gen_ai.request.stream": True},
            start_time=self._started,
        )

    def _span_set(self, attributes: Attributes) -> None:
        assert self._span is not None
        self._span.set_attributes(attributes)

    def _judge(self, reply: Reply) -> Attributes:
        """Set the status of the span; return what the metrics say of it."""
        failure = _failure(reply)
        if failure is None:
            return {}
        assert self._span is not None
        self._span.set_status(trace.StatusCode.ERROR, failure.sentence)
        self._span.set_attribute("error.type", failure.type)
        return {"error.type": failure.type}

    def _record(self, reply: Reply, usage: dict[str, int], seconds: float, error: Attributes) -> None:
        instruments = self._instruments
        instruments.duration.record(seconds, self._common | error)
        if reply.timing is not None and reply.timing.first is not None:
            instruments.first.record(reply.timing.first, self._common)
            self._span_set({"gen_ai.response.time_to_first_chunk": reply.timing.first})
        for name, n in usage.items():
            instruments.used[name].add(n, self._common | {"gen_ai.token.modality": "unknown"})
            if name in instruments.each:
                instruments.each[name].record(n, self._common | error)

    def _time_chunk(self, chunk: Any, now: float) -> None:
        if self._span is None:
            self._begin({})
        if self._latest is not None:
            self._instruments.gap.record(now - self._latest, self._common)
        self._latest = now


class _Instruments(NamedTuple):
    duration: metrics.Histogram
    first: metrics.Histogram
    gap: metrics.Histogram
    used: dict[str, metrics.Counter]
    each: dict[str, metrics.Histogram]


@lru_cache(maxsize=8)
def _instruments(provider: metrics.MeterProvider | None) -> _Instruments:
    meter = metrics.get_meter("streamfold", meter_provider=provider)

    def seconds(name: str, what: str) -> metrics.Histogram:
        return meter.create_histogram(
            f"gen_ai.client.inference.{name}", "s", what, explicit_bucket_boundaries_advisory=_SECONDS
        )

    def used(name: str) -> metrics.Counter:
        return meter.create_counter(f"gen_ai.client.inference.usage.{name}", "{token}", "Tokens used.")

    def each(name: str) -> metrics.Histogram:
        full = f"gen_ai.client.inference.operation.{name}"
        return meter.create_histogram(
            full, "{token}", "Tokens used, by stream.", explicit_bucket_boundaries_advisory=_TOKENS
        )

    names = ("input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens")
    return _Instruments(
        seconds("duration", "From the request to the end of the stream."),
        seconds("time_to_first_chunk", "From the request to the first content."),
        seconds("time_per_output_chunk", "From one chunk to the next."),
        {name: used(name) for name in names},
        {name: each(name) for name in names[:2]},
    )


# -- what a request says -----------------------------------------------------------------------------------------------


def _asked(request: Request) -> Attributes:
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    body = request.json if isinstance(request.json, Mapping) else {}
    in_path = re.search(r"/models?/([^/:]+)[:/]", parts.path)
    known = {
        "gen_ai.operation.name": next((name for path, name in _OPERATIONS if re.search(path, parts.path)), "chat"),
        "gen_ai.provider.name": next((who for end, who in _PROVIDERS.items() if f".{host}".endswith(f".{end}")), None),
        "gen_ai.request.model": body.get("model") or (in_path[1] if in_path else None),
        "server.address": host,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
    return {name: value for name, value in known.items() if isinstance(value, str | int)}


def _input(body: Any) -> list[dict[str, Any]]:
    """Return the messages of a request's body as the conventions write them; content that is no text as it is."""
    messages = body.get("messages") if isinstance(body, Mapping) else None
    return [
        {"role": message.get("role"), "parts": _parts(message.get("content"))}
        for message in messages or ()
        if isinstance(message, Mapping)
    ]


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "content": content}] if isinstance(content, str) else list(content or ())


# -- what a reply says -------------------------------------------------------------------------------------------------


def _answered(reply: Reply) -> Attributes:
    known = {
        "gen_ai.response.id": reply.id,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.finish_reasons": [_finish_reason(choice, reply.verdict) for choice in reply.choices],
    }
    return {name: value for name, value in known.items() if value is not None}


def _finish_reason(choice: Choice, verdict: Verdict | None) -> str:
    """Return the provider's word; where none came, ``"stop"`` if the answer is whole all the same, else ``"error"``."""
    whole = verdict in (Verdict.COMPLETE, Verdict.STOPPED, Verdict.TOOL_CALLS)
    return choice.finish_reason or ("stop" if whole else "error")


def _usage(reply: Reply) -> dict[str, int]:
    """Return what the provider counted to the end, by the conventions' names."""
    usage = reply.usage
    beside = [usage.raw.get(name) for name in _NOT_IN_INPUT.get(reply.dialect or "", ())]
    known = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens if usage.final else None,
        "cache_read.input_tokens": usage.cached_tokens,
        "reasoning.output_tokens": usage.reasoning_tokens if usage.final else None,
    }
    counted = {name: n for name, n in known.items() if n is not None}
    if "input_tokens" in counted:
        counted["input_tokens"] += sum(n for n in beside if isinstance(n, int))
    return counted


class _Failure(NamedTuple):
    type: str
    sentence: str


def _failure(reply: Reply) -> _Failure | None:
    """Return why a reply is no whole answer, in words that quote nothing."""
    error = reply.error
    if isinstance(error, ProviderError):
        kind = str(error.code or error.type or error.status or type(error).__name__)
        return _Failure(kind, "the provider said no")
    if error is not None:
        kind = type(error.__cause__ or error).__name__
        return _Failure(kind, type(error).__name__)
    try:
        reply.raise_for_verdict()
    except VerdictError as verdict:
        return _Failure(str(reply.verdict), str(verdict))
    except Exception:  # the caller's callback: not the model's failure
        return None
    return None


def _flavour(dialect: str | None) -> str:
    family = (dialect or "unknown").partition("_")[0]
    return _FLAVOURS.get(family, family)


def _message(choice: Choice) -> dict[str, Any]:
    parts = [part for part in map(_part, choice.parts) if part is not None]
    return {"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason or "error"}


def _part(part: Part) -> dict[str, Any] | None:
    match part:
        case TextPart():
            return {"type": "text", "content": part.text}
        case ReasoningPart():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
    return None
