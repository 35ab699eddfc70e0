"""Ollama's native generate."""

from .ollama_chat import COUNTS, OF_REASON

__all__ = ["ANOMALOUS", "APIS", "COUNTS", "DIFFERENCES", "OF_REASON", "VERDICTS"]

APIS = {("ollama.generate", "ndjson")}

DIFFERENCES = {}
VERDICTS = {}
ANOMALOUS: set[str] = set()
