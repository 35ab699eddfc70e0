"""One stream for many readers, each at its own speed: `rules` decide what each gets, `sync` and `aio` wait and wake."""

from .aio import AsyncBroadcast, AsyncReader
from .rules import Fanout, Policy, Queue, text_reader
from .sync import Broadcast, Reader

__all__ = ["AsyncBroadcast", "AsyncReader", "Broadcast", "Fanout", "Policy", "Queue", "Reader", "text_reader"]
