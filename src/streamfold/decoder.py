"""From wire bytes to events: framing, dialect and fold in one pure object.

``feed(data)`` takes bytes cut anywhere and returns what can be handed on; ``close()`` returns the rest. What goes wrong
on the wire is not raised but folded: it ends the stream with a verdict and the text so far.
"""

from __future__ import annotations

from .dialects.openai_chat import OpenAIChat
from .errors import ChunkTypeError, DialectError, FramingError, StreamfoldError
from .folding import Fold, Shown
from .framing.sse import SSE, Frame, ServerSentEvent
from .reply import Verdict


class Decoder:
    """Decode one stream.

    Args:
        fold: Where the deltas go: it knows the stop sequences. ``fold.ended`` says that no more bytes are wanted,
            ``fold.reply`` is the reply so far.
    """

    def __init__(self, fold: Fold | None = None) -> None:
        self.fold = fold or Fold()
        self._framing = SSE()
        self._dialect = OpenAIChat()
        self._frames = self._framing.feed
        self._deltas = self._dialect.feed
        self._events = self.fold.feed

    def feed(self, data: bytes) -> Shown:
        """Take the next bytes in; return what can be handed on."""
        if data.__class__ is not bytes:
            if not isinstance(data, bytes | bytearray | memoryview):
                return self._events([ChunkTypeError(data, expected="bytes")])
            data = bytes(data)
        return self._events(self._deltas(self._frames(data)))

    def close(self, verdict: Verdict = Verdict.TRUNCATED, error: StreamfoldError | None = None) -> Shown:
        """End the stream; return what was held back, and `StreamEnd`. See `Fold.close`."""
        shown: Shown = []
        leftover = b""
        if not self.fold.ended:
            frames = self._framing.close()
            deltas = self._dialect.feed(frames)
            last = deltas[-1] if deltas else None
            if isinstance(last, DialectError):
                deltas.pop()  # not a wrong frame but the first half of one
                leftover = b"".join(map(_data, frames))
            elif isinstance(last, FramingError):
                leftover = bytes(self._framing.foreign)
            elif self._framing.unterminated:
                self.fold.note("the last event had no blank line after it")
            shown = self.fold.feed(deltas)
        return shown + self.fold.close(verdict, error, leftover)


def _data(frame: Frame) -> bytes:
    return frame.data if isinstance(frame, ServerSentEvent) else frame if isinstance(frame, bytes) else b""
