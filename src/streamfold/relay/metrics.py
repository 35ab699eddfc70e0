"""What is counted, for Prometheus.

Several workers share a folder, whose name is in ``PROMETHEUS_MULTIPROC_DIR``: whichever is asked answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from ..reply import Reply
from .records import Start

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "streamfold_http_requests", "Requests that were answered", ["method", "status"], registry=registry
        )
        self._ended = Counter(
            "streamfold_generations", "Generations that ended", ["engine", "verdict"], registry=registry
        )
        self._tokens = Counter("streamfold_output_tokens", "Tokens that engines counted", ["engine"], registry=registry)
        self._first = Histogram(
            "streamfold_first_content_seconds",
            "From the request to the first content",
            ["engine"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._running = Gauge("streamfold_generations_running", "Now", registry=registry, multiprocess_mode="livesum")
        self._readers = Gauge("streamfold_readers", "Now", registry=registry, multiprocess_mode="livesum")

    def answered(self, method: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(method, status).inc()

    def ended(self, start: Start, reply: Reply) -> None:
        """Count a generation."""
        self._ended.labels(start.engine, reply.verdict).inc()
        self._tokens.labels(start.engine).inc(reply.usage.output_tokens or 0)
        if reply.timing is not None and reply.timing.first is not None:
            self._first.labels(start.engine).observe(reply.timing.first)

    def going_on(self, n_running: int, n_readers: int) -> None:
        """Note how much goes on now."""
        self._running.set(n_running)
        self._readers.set(n_readers)

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        registry = self._registry
        if folder := os.environ.get(FOLDER):
            _forget_the_dead(folder)
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _forget_the_dead(folder: str) -> None:
    """Take out what workers that were killed said of the moment."""
    for file in Path(folder).glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
