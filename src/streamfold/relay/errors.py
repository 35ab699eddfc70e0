"""What the relay refuses, as one tree under `StreamfoldError`; each class knows its HTTP status.

::

    RelayError
    ├── BadRequestError               400  the request cannot be meant
    ├── UnauthorizedError             401  the token or the signature is missing or wrong
    ├── StaleEpochError               403  another session of this producer has begun
    ├── ForeignOriginError            403  somebody else's page may not write here
    ├── StreamNotFoundError           404  no such stream, or it has expired
    ├── ModelNotFoundError            404  no engine has such a model
    ├── WriteProtectedError           405  a generation's log is written by its producer alone
    ├── StreamConflictError           409  the stream is there and is not what the request says
    │   ├── StreamClosedError         409  nothing can be appended any more
    │   └── SequenceGapError          409  a producer's batch before this one is missing
    ├── FencedError                   409  the generation has another producer, or has ended
    ├── StreamGoneError               410  deleted, and kept for its forks alone
    │   └── OffsetTrimmedError        410  the records after this offset are no longer kept
    ├── SubscriptionError             ...  a subscription's code of the protocol, which says the status
    ├── RelayLimitError               413  a named limit was passed (429 where waiting helps)
    └── StoreError                    503  the store cannot be reached or is broken
"""

from __future__ import annotations

from typing import ClassVar

from ..errors import StreamfoldError


class RelayError(StreamfoldError):
    """The root of what the relay refuses."""

    status = 500


class BadRequestError(RelayError, ValueError):
    """The request cannot be meant."""

    status = 400


class UnauthorizedError(RelayError):
    """The token or the signature is missing or wrong."""

    status = 401


class StaleEpochError(RelayError):
    """A zombie: another session of this producer has begun.

    Attributes:
        epoch: The epoch that is in force.
    """

    status = 403

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        super().__init__(f"the producer's epoch is {epoch} by now")


class ForeignOriginError(RelayError):
    """Somebody else's page may not write here."""

    status = 403


class StreamNotFoundError(RelayError):
    """No such stream, or it has expired."""

    status = 404

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"no stream at {path!r}")


class ModelNotFoundError(RelayError):
    """No engine has such a model."""

    status = 404


class WriteProtectedError(RelayError):
    """A generation's log is written by its producer alone."""

    status = 405

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path!r} is a generation's log: its producer alone appends to it")


class StreamConflictError(RelayError):
    """The stream is there and is not what the request says."""

    status = 409


class StreamClosedError(StreamConflictError):
    """Nothing can be appended any more.

    Attributes:
        tail: The number of records of the whole stream.
    """

    def __init__(self, tail: int) -> None:
        self.tail = tail
        super().__init__(f"the stream is closed after {tail:,} records")


class SequenceGapError(StreamConflictError):
    """A producer's batch before this one is missing.

    Attributes:
        expected: The sequence number that must come next.
        received: The one that came.
    """

    def __init__(self, expected: int, received: int) -> None:
        self.expected = expected
        self.received = received
        super().__init__(f"producer sequence {received}, expected {expected}")


class FencedError(RelayError):
    """The generation has another producer, or has ended."""

    status = 409


class StreamGoneError(RelayError):
    """Deleted, and kept for its forks alone."""

    status = 410

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"the stream at {path!r} is deleted")


class OffsetTrimmedError(StreamGoneError):
    """The records after this offset are no longer kept.

    Attributes:
        first: How many records were dropped from the start; the earliest offset that can still be read.
    """

    def __init__(self, path: str, first: int) -> None:
        super().__init__(path)
        self.first = first
        self.args = (f"the first {first:,} records of {path!r} are no longer kept",)


class SubscriptionError(RelayError):
    """A request about a subscription is refused (Durable Streams 6 and 7).

    Attributes:
        code: The protocol's name for the reason, a key of `STATUS`.
        details: What the protocol says besides.
    """

    STATUS: ClassVar = {
        "INVALID_REQUEST": 400,
        "WEBHOOK_URL_REJECTED": 400,
        "TOKEN_INVALID": 401,
        "SUBSCRIPTION_NOT_FOUND": 404,
        "ALREADY_CLAIMED": 409,
        "FENCED": 409,
        "INVALID_OFFSET": 409,
        "NO_PENDING_WORK": 409,
        "SUBSCRIPTION_ALREADY_EXISTS": 409,
    }

    def __init__(self, code: str, message: str, **details: str | int) -> None:
        self.code = code
        self.status = self.STATUS[code]
        self.details = details
        super().__init__(message)


class RelayLimitError(RelayError):
    """A named limit was passed.

    Attributes:
        name: The limit's name, as in `Limits`.
        limit: Its value.
    """

    status = 413

    def __init__(self, name: str, limit: int, status: int = 413) -> None:
        self.name = name
        self.limit = limit
        self.status = status
        super().__init__(f"the limit {name} is {limit:,}")


class StoreError(RelayError):
    """The store cannot be reached or is broken."""

    status = 503
