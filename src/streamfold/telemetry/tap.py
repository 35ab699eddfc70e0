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
from collections.abc import Mapping
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MissingExtraError
from ..taps import Tap
from . import semconv

try:
    from opentelemetry import context, metrics, trace
except ImportError as missing:
    raise MissingExtraError("opentelemetry-api", "otel") from missing

if TYPE_CHECKING:
    from ..network.request import Request
    from ..reply import Reply

_SECONDS = [0.01 * 2**n for n in range(14)]
_TOKENS = [4**n for n in range(14)]


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
        operation: semconv.Operation | None = None,
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
        self._common: semconv.Attributes = {}
        self._latest: float | None = None
        self._current: Any = None
        if every_chunk:
            self.chunk = self._time_chunk  # type: ignore[method-assign]

    def request(self, request: Request, attempt: int, now: float) -> None:
        """Begin the span, now that it is known what is asked; further attempts belong to it.

        It is the current one until the response's head is there, so that the HTTP client's spans are its children.
        """
        if self._span is None:
            self._begin(semconv.asked(request))
            if self._content and (messages := semconv.input_messages(request.json)):
                self._span_set({"gen_ai.input.messages": json.dumps(messages)})
        assert self._span is not None
        self._current = context.attach(trace.set_span_in_context(self._span))

    def response(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Stop being the current span."""
        self._detach()

    def retry(self, why: str, wait: float, now: float) -> None:
        """Stop being the current span."""
        self._detach()

    def end(self, reply: Reply, now: float) -> None:
        """End the span, and record the metrics."""
        self._detach()
        if self._span is None:
            self._begin({})
        if "gen_ai.provider.name" not in self._common:
            self._common["gen_ai.provider.name"] = semconv.flavour(reply.dialect)
            self._span_set(self._common)
        if reply.model:
            self._common["gen_ai.response.model"] = reply.model
        usage = semconv.usage_counts(reply)
        self._span_set(semconv.answered(reply) | {f"gen_ai.usage.{name}": n for name, n in usage.items()})
        if self._content:
            self._span_set({"gen_ai.output.messages": json.dumps(semconv.output_messages(reply))})
        ended = time_ns()
        error = self._judge(reply)
        self._record(reply, usage, (ended - self._started) / 1e9, error)
        assert self._span is not None
        self._span.end(ended)

    def _begin(self, asked: semconv.Attributes) -> None:
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

    def _detach(self) -> None:
        token, self._current = self._current, None
        if token is not None:
            context.detach(token)

    def _span_set(self, attributes: semconv.Attributes) -> None:
        assert self._span is not None
        self._span.set_attributes(attributes)

    def _judge(self, reply: Reply) -> semconv.Attributes:
        """Set the status of the span; return what the metrics say of it."""
        failure = semconv.failure(reply)
        if failure is None:
            return {}
        assert self._span is not None
        self._span.set_status(trace.StatusCode.ERROR, failure.sentence)
        self._span.set_attribute("error.type", failure.type)
        return {"error.type": failure.type}

    def _record(self, reply: Reply, usage: dict[str, int], seconds: float, error: semconv.Attributes) -> None:
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
