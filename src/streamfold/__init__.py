"""Fold a model's token stream into its answer.

Every name below is imported when it is first used, so ``import streamfold`` costs next to nothing and `consume_stream`
loads no third-party package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aio import AsyncStream, afold, astream
    from .clocks import Timeouts
    from .contract import aconsume_stream, consume_stream
    from .decoder import Decoder
    from .engines.local import LocalEngine
    from .errors import ProviderError, StreamfoldError
    from .events import Event, StreamEnd, TextDelta
    from .folding import Fold
    from .network.providers import anthropic, gemini, llama_cpp, ollama, openai
    from .network.request import Request
    from .network.retry import RetryPolicy
    from .recordings import Recording
    from .reply import Reply, Verdict
    from .reply.parts import ToolCall
    from .reply.usage import Usage
    from .stops import StopMatcher
    from .sync import Stream, fold, stream

_HOME = {
    "contract": ("consume_stream", "aconsume_stream"),
    "sync": ("fold", "stream", "Stream"),
    "aio": ("afold", "astream", "AsyncStream"),
    "recordings": ("Recording",),
    "reply": ("Reply", "Verdict"),
    "reply.parts": ("ToolCall",),
    "reply.usage": ("Usage",),
    "events": ("Event", "TextDelta", "StreamEnd"),
    "stops": ("StopMatcher",),
    "decoder": ("Decoder",),
    "folding": ("Fold",),
    "network.request": ("Request",),
    "clocks": ("Timeouts",),
    "network.retry": ("RetryPolicy",),
    "network.providers": ("openai", "anthropic", "gemini", "ollama", "llama_cpp"),
    "engines.local": ("LocalEngine",),
    "errors": ("StreamfoldError", "ProviderError"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AsyncStream",
    "Decoder",
    "Event",
    "Fold",
    "LocalEngine",
    "ProviderError",
    "Recording",
    "Reply",
    "Request",
    "RetryPolicy",
    "StopMatcher",
    "Stream",
    "StreamEnd",
    "StreamfoldError",
    "TextDelta",
    "Timeouts",
    "ToolCall",
    "Usage",
    "Verdict",
    "aconsume_stream",
    "afold",
    "anthropic",
    "astream",
    "consume_stream",
    "fold",
    "gemini",
    "llama_cpp",
    "ollama",
    "openai",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
