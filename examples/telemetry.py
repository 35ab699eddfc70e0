"""Tell OpenTelemetry of a stream; needs the extra [otel], and an SDK that the spans go to."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streamfold import fold
from streamfold.telemetry import Telemetry

WIRE = [
    b'data: {"id":"c1","model":"m-1","choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}\n\n',
]


def main() -> None:
    spans = InMemorySpanExporter()  # in an application: the exporter of your backend
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    fold(WIRE, taps=[Telemetry(model="m", provider="openai", tracer_provider=provider)])
    for span in spans.get_finished_spans():
        attributes = span.attributes or {}
        print(span.name, attributes["gen_ai.usage.output_tokens"], attributes["gen_ai.response.finish_reasons"])


if __name__ == "__main__":
    main()
