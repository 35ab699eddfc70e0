"""Every error streamfold raises or reports, as one tree.

The branches say whose fault it is::

    StreamfoldError
    ├── CallerError (ValueError)          the caller's mistake
    │   ├── ChunkTypeError (TypeError)    a chunk of a type that no stream has
    │   ├── CallbackError                 the caller's callback raised
    │   └── IncompleteToolCallError       a tool call was used that never ended
    ├── FramingError                      the bytes are not the framing they claim to be
    │   └── LimitError                    a named limit was passed
    ├── DialectError                      a frame is not the dialect it claims to be
    ├── ProviderError                     the provider said no
    ├── SourceError                       the pipe broke: the source itself raised
    ├── EngineError                       an engine on this device cannot run
    ├── MissingExtraError (ImportError)   a package that an extra of streamfold brings is not installed
    ├── ConversationError                 the conversations kept on this device cannot be read or written
    └── VerdictError                      the reply is not a whole answer (`Reply.raise_for_verdict`)
        ├── TruncatedError                the stream broke off
        ├── LengthError                   the model ran into its length limit
        ├── FilteredError                 the provider withheld the rest
        ├── RefusedError                  the model declined to answer
        ├── CancelledError                the reader left early
        └── TimedOutError                 a deadline passed

An error's typed fields are for programs; ``str()`` is one sentence for people. What was received before the error is
in the reply that carries it (``reply.error``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reply import Reply
    from .reply.parts import ToolCall


class StreamfoldError(Exception):
    """The root of the tree: catches everything streamfold raises."""


class CallerError(StreamfoldError, ValueError):
    """The caller's mistake: an argument that cannot be meant."""


class ChunkTypeError(CallerError, TypeError):
    """A chunk of a type that no stream has.

    Attributes:
        position: The chunk's place in the stream, counted from 0, where it is known.
        chunk_type: The name of its type.
    """

    def __init__(self, chunk: object, position: int | None = None, expected: str = "str") -> None:
        self.position = position
        self.chunk_type = type(chunk).__name__
        which = "a chunk" if position is None else f"chunk {position}"
        super().__init__(f"{which} is {self.chunk_type}, expected {expected}")


class CallbackError(CallerError):
    """The caller's callback raised; the exception itself is ``__cause__``.

    Attributes:
        n_errors: How many calls of the callback raised, this first one included.
    """

    def __init__(self, cause: Exception) -> None:
        self.n_errors = 1
        super().__init__(f"the callback raised {type(cause).__name__}: {cause}")
        self.__cause__ = cause


class IncompleteToolCallError(CallerError):
    """A tool call was used that never ended.

    Attributes:
        call: The call, with the arguments that were received.
    """

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        received = len(call.arguments)
        super().__init__(f"the call of {call.name!r} is incomplete: {received:,} characters of arguments received")


class FramingError(StreamfoldError):
    """The bytes are not the framing they claim to be.

    Attributes:
        offset: Where in the stream, in bytes from its start.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        self.offset = offset
        super().__init__(message if offset is None else f"{message} (at byte {offset:,})")


class LimitError(FramingError):
    """A named limit was passed.

    Attributes:
        name: The limit's name.
        limit: What it allows.
        size: What was met; at least this, where the rest was not read.
    """

    def __init__(self, name: str, size: int, limit: int, unit: str = "bytes", offset: int | None = None) -> None:
        self.name = name
        self.limit = limit
        self.size = size
        super().__init__(f"{name} of {size:,} {unit}, limit {limit:,}", offset)


class DialectError(StreamfoldError):
    """A frame is not the dialect it claims to be.

    Attributes:
        dialect: The dialect's name.
        frame: The first bytes of the frame.
    """

    SHOWN = 120

    def __init__(self, dialect: str, frame: bytes, why: str) -> None:
        self.dialect = dialect
        self.frame = frame[: self.SHOWN]
        super().__init__(f"a frame is not {dialect}: {why}: {self.frame!r}")


class ProviderError(StreamfoldError):
    """The provider said no, in the stream or instead of it.

    Attributes:
        message: The provider's own words.
        type: Its name for the kind of error, if it gave one.
        code: Its code, if it gave one.
        status: An HTTP status, if it gave one.
        retryable: Whether the same request may succeed later.
        content_delivered: Whether content came before the error; then a retry would repeat it.
        body: What the provider sent, decoded; text where it is not JSON.
        retry_after: Seconds that it asks to wait, if it does.
        headers: Those of its response that may be told, by their names in lower case; empty for an error in a stream.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str | None = None,
        code: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        body: Any = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message
        self.type = type
        self.code = code
        self.status = status
        self.retryable = retryable
        self.content_delivered = False
        self.body = body
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        label = ", ".join(str(part) for part in (type, code, status) if part is not None)
        super().__init__(f"{message} ({label})" if label else message)


class SourceError(StreamfoldError):
    """The pipe broke: the source itself raised; its exception is ``__cause__``."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"the source raised {type(cause).__name__}: {cause}")
        self.__cause__ = cause


class EngineError(StreamfoldError):
    """An engine on this device cannot run: a part is missing, or it failed."""


class MissingExtraError(StreamfoldError, ImportError):
    """A package that an extra of streamfold brings is not installed.

    Attributes:
        extra: The extra.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} is not installed: run `pip install 'streamfold[{extra}]'`")


class ConversationError(StreamfoldError):
    """The conversations kept on this device cannot be read or written."""


class VerdictError(StreamfoldError):
    """The reply is not a whole answer.

    Attributes:
        reply: The reply, with all that was received.
    """

    def __init__(self, message: str, reply: Reply) -> None:
        self.reply = reply
        super().__init__(message)


class TruncatedError(VerdictError):
    """The stream broke off: neither a finish reason nor an end marker came."""


class LengthError(VerdictError):
    """The model ran into its length limit."""


class FilteredError(VerdictError):
    """The provider withheld the rest of the reply."""


class RefusedError(VerdictError):
    """The model declined to answer."""


class CancelledError(VerdictError):
    """The reader left before the end."""


class TimedOutError(VerdictError):
    """A deadline passed before the end."""
