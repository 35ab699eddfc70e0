"""One span and the metrics of each stream, by the conventions' names; nothing of what was said unless asked for."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from streamfold import Request, afold, fold, stream
from streamfold.errors import ProviderError
from streamfold.taps import Tap
from streamfold.telemetry import Telemetry

from ..serving.server import serving
from ..serving.steps import says
from ..sources import wires

ASK = {"model": "gpt-5", "messages": [{"role": "user", "content": "a secret question"}]}
COMMON = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5"}


class Observed:
    """What was told to OpenTelemetry."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])

    def telemetry(self, **options: Any) -> Telemetry:
        return Telemetry(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def span(self) -> ReadableSpan:
        (span,) = self._spans.get_finished_spans()
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    @property
    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        found = {}
        for metric in (metric for scope in scopes for metric in scope.metrics):
            (found[metric.name],) = metric.data.data_points
        return found


@pytest.fixture
def observed() -> Iterator[Observed]:
    observed = Observed()
    yield observed
    observed.tracers.shutdown()
    observed.meters.shutdown()


def ask(url: str, path: str = "/v1/chat/completions", **body: Any) -> Request:
    return Request(url + path, json=ASK | body)


def test_a_request_is_one_span(observed: Observed) -> None:
    with serving(says(wires.CHAT)) as server:
        reply = fold(ask(server.url), taps=[observed.telemetry(provider="openai")])
        port = int(server.url.rpartition(":")[2])
    span, attributes = observed.span, observed.attributes
    assert (span.name, span.kind, span.status.status_code) == ("chat gpt-5", SpanKind.CLIENT, StatusCode.UNSET)
    assert reply.timing is not None
    assert attributes == COMMON | {
        "server.address": "127.0.0.1",
        "server.port": port,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": reply.id,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.response.time_to_first_chunk": reply.timing.first,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 5,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert (span.end_time - span.start_time) / 1e9 >= reply.timing.total * 0.9


def test_the_metrics_of_a_request(observed: Observed) -> None:
    with serving(says(wires.CHAT)) as server:
        reply = fold(ask(server.url), taps=[observed.telemetry(provider="openai")])
    span, metrics = observed.span, observed.metrics
    prefix = "gen_ai.client.inference."
    tokens = [f"{family}.{way}_tokens" for family in ("usage", "operation") for way in ("input", "output")]
    assert set(metrics) == {prefix + name for name in ("duration", "time_to_first_chunk", *tokens)}
    for point in metrics.values():
        assert COMMON.items() <= point.attributes.items()
        assert point.attributes["gen_ai.response.model"] == reply.model
        assert "error.type" not in point.attributes
    assert span.start_time is not None
    assert span.end_time is not None
    assert metrics[prefix + "duration"].sum == pytest.approx((span.end_time - span.start_time) / 1e9)
    assert list(metrics[prefix + "duration"].explicit_bounds) == pytest.approx([0.01 * 2**n for n in range(14)])
    assert reply.timing is not None
    assert metrics[prefix + "time_to_first_chunk"].sum == reply.timing.first
    assert metrics[prefix + "usage.input_tokens"].value == metrics[prefix + "operation.input_tokens"].sum == 9
    assert metrics[prefix + "usage.output_tokens"].value == metrics[prefix + "operation.output_tokens"].sum == 5
    assert metrics[prefix + "usage.input_tokens"].attributes["gen_ai.token.modality"] == "unknown"
    assert list(metrics[prefix + "operation.input_tokens"].explicit_bounds)[:3] == [1, 4, 16]


def test_async(observed: Observed) -> None:
    async def main() -> None:
        with serving(says(wires.CHAT)) as server:
            await afold(ask(server.url), taps=[observed.telemetry(provider="openai")])

    asyncio.run(main())
    assert observed.attributes["gen_ai.usage.output_tokens"] == 5


def test_a_source_of_ones_own(observed: Observed) -> None:
    fold(["Hello"], taps=[observed.telemetry(model="smollm2", provider="llama_cpp")])
    assert observed.span.name == "chat smollm2"
    assert observed.attributes["gen_ai.provider.name"] == "llama_cpp"
    assert observed.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert not any("tokens" in name for name in [*observed.attributes, *observed.metrics])  # nobody counted them


def test_the_dialect_tells_the_provider_where_nothing_else_does(observed: Observed) -> None:
    fold([wires.ANTHROPIC], taps=[observed.telemetry()])
    assert observed.span.name == "chat"
    assert observed.attributes["gen_ai.provider.name"] == "anthropic"
    assert observed.metrics["gen_ai.client.inference.duration"].attributes["gen_ai.provider.name"] == "anthropic"


@pytest.mark.parametrize(
    ("url", "provider", "operation", "model"),
    [
        ("https://api.openai.com/v1/responses", "openai", "chat", "gpt-5"),
        ("https://x.openai.azure.com/openai/v1/chat/completions", "azure.ai.openai", "chat", "gpt-5"),
        ("https://api.openai.com/v1/completions", "openai", "text_completion", "gpt-5"),
        ("https://api.anthropic.com/v1/messages", "anthropic", "chat", "gpt-5"),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse",
            "gcp.gemini",
            "generate_content",
            "g",
        ),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream", "aws.bedrock", "chat", "m"),
        ("https://notopenai.azure.com/v1/chat/completions", None, "chat", "gpt-5"),
        ("http://localhost:11434/api/generate", None, "text_completion", "gpt-5"),
    ],
)
def test_what_a_url_tells(observed: Observed, url: str, provider: str | None, operation: str, model: str) -> None:
    body = ASK if model == "gpt-5" else {"contents": []}
    telemetry = observed.telemetry()
    telemetry.request(Request(url, json=body), 1, 0.0)
    telemetry.retry("it broke off", 1.0, 0.0)
    telemetry.request(Request("https://fallback.example", json=body), 2, 1.0)  # of the same stream
    telemetry.response(200, {}, 2.0)
    assert telemetry._common.get("gen_ai.provider.name") == provider
    assert telemetry._common["gen_ai.operation.name"] == operation
    assert telemetry._common["gen_ai.request.model"] == model


def test_tokens_read_from_a_cache_are_input_tokens(observed: Observed) -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 1000}
    start = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "usage": usage}}
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
    fold([start, delta, {"type": "message_stop"}], taps=[observed.telemetry()])
    assert observed.attributes["gen_ai.usage.input_tokens"] == 1110
    assert observed.attributes["gen_ai.usage.cache_read.input_tokens"] == 100


# -- what went wrong ---------------------------------------------------------------------------------------------------


def refused() -> Iterator[bytes]:
    yield b'data: {"error":{"message":"a secret","type":"server_error","code":"overloaded"}}\n\n'


def broken() -> Iterator[str]:
    yield "a secret"
    raise ConnectionResetError("a secret")


CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a secret"}%s}]}\n\n'


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        (refused(), "overloaded"),
        (broken(), "ConnectionResetError"),
        ([CHUNK % b""], "truncated"),
        ([CHUNK % b',"finish_reason":"length"'], "length"),
        ([CHUNK % b"", b"data: a secret\n\n"], "DialectError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reply_that_is_not_whole_is_an_error(observed: Observed, source: Any, error_type: str) -> None:
    fold(source, taps=[observed.telemetry(model="gpt-5", provider="openai")])
    assert observed.span.status.status_code is StatusCode.ERROR
    assert observed.attributes["error.type"] == error_type
    assert observed.metrics["gen_ai.client.inference.duration"].attributes["error.type"] == error_type
    assert "secret" not in f"{observed.span.to_json()} {observed.metrics}"
    finish = ("length",) if error_type == "length" else ("error",)
    assert observed.attributes["gen_ai.response.finish_reasons"] == finish


def test_a_reader_that_leaves_ends_the_span(observed: Observed) -> None:
    with stream(["a", "b"], taps=[observed.telemetry()]) as events:
        next(events)
    assert observed.attributes["error.type"] == "cancelled"


def test_an_http_error_is_its_status(observed: Observed) -> None:
    error = ProviderError("a secret", status=429)
    telemetry = observed.telemetry()
    reply = fold(["a"])
    reply.error = error
    telemetry.end(reply, 0.0)
    assert observed.attributes["error.type"] == "429"


def test_an_error_of_the_callers_callback_is_none_of_the_models(observed: Observed) -> None:
    fold(["a"], on_text=lambda text: 1 / 0, taps=[observed.telemetry()])
    assert observed.span.status.status_code is StatusCode.UNSET


# -- content -----------------------------------------------------------------------------------------------------------


def test_nothing_that_was_said_is_told(observed: Observed) -> None:
    with serving(says(wires.CHAT)) as server:
        fold(ask(server.url), taps=[observed.telemetry()])
    told = f"{observed.span.to_json()} {observed.metrics}"
    assert "secret" not in told
    assert "Hello" not in told


def test_what_was_said_is_told_if_asked_for(observed: Observed) -> None:
    with serving(says(wires.CHAT)) as server:
        fold(ask(server.url), taps=[observed.telemetry(content=True)])
    assert json.loads(observed.attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "a secret question"}]}
    ]
    (message,) = json.loads(observed.attributes["gen_ai.output.messages"])
    assert (message["role"], message["finish_reason"]) == ("assistant", "tool_calls")
    assert {"type": "text", "content": "Hello ✓"} in message["parts"]
    assert [part["type"] for part in message["parts"]] == ["reasoning", "text", "tool_call"]


def test_the_time_of_every_chunk_if_asked_for(observed: Observed) -> None:
    fold(["a", "b", "c"], taps=[observed.telemetry(every_chunk=True, model="m", provider="p")])
    point = observed.metrics["gen_ai.client.inference.time_per_output_chunk"]
    assert point.count == 2
    assert point.attributes["gen_ai.provider.name"] == "p"


def test_the_span_belongs_to_the_one_around_it(observed: Observed) -> None:
    tracer = observed.tracers.get_tracer("test")
    with tracer.start_as_current_span("around") as around:
        telemetry = observed.telemetry()
    fold(["a"], taps=[telemetry])
    span = next(span for span in observed._spans.get_finished_spans() if span.name == "chat")
    assert span.parent is not None
    assert span.parent.span_id == around.get_span_context().span_id


def test_the_span_is_current_while_the_request_is_made(observed: Observed) -> None:
    seen: list[str | None] = []

    class Watcher(Tap):
        def request(self, request: Request, attempt: int, now: float) -> None:
            seen.append(getattr(get_current_span(), "name", None))

        def chunk(self, chunk: Any, now: float) -> None:
            seen.append(getattr(get_current_span(), "name", None))

    with serving(says(wires.OLLAMA_GENERATE)) as server:
        fold(ask(server.url), taps=[observed.telemetry(), Watcher()])
    assert seen[0] == "chat gpt-5"
    assert set(seen[1:]) == {None}


def test_the_span_is_left_where_nobody_answers(observed: Observed) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
    fold(Request(f"http://127.0.0.1:{port}"), retry=None, taps=[observed.telemetry()])
    assert observed.attributes["error.type"] in ("ConnectionRefusedError", "NewConnectionError")
    assert not get_current_span().is_recording()


def test_what_is_missing_is_said() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from streamfold.errors import MissingExtraError
try:
    import streamfold.telemetry
except MissingExtraError as error:
    print(error.extra)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "otel\n"


def test_nothing_is_loaded_where_nothing_is_told() -> None:
    program = "import sys, streamfold; streamfold.fold(['a']); print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "False\n"
