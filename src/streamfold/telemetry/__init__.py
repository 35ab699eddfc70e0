"""OpenTelemetry for streams: `semconv` says what a request and a reply are in its terms, the `tap` tells it."""

from .tap import Telemetry

__all__ = ["Telemetry"]
