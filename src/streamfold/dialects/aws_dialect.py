"""What the dialects of Amazon Bedrock have in common: how it says no in the middle of a stream.

An AWS event stream tells an error by the headers of a message (https://smithy.io/2.0/aws/amazon-eventstream.html): an
exception that the service's model names has ``:exception-type`` and a JSON body with a ``message``; any other error has
``:error-code`` and ``:error-message`` and need not have a body. Where somebody took the framing off, the exception's
name is the key of the event: ``{"throttlingException": {"message": "..."}}``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ..errors import ProviderError
from ..folding.deltas import Delta
from ..framing import Frame
from ..framing.aws_eventstream import AWSMessage
from .fields import count
from .json_dialect import JSONDialect, decode
from .provider_errors import RETRYABLE_STATUSES, find_error, provider_error

# The names that the models of Bedrock's APIs give, and the HTTP status that each stands for.
STATUS_OF = {
    "validationException": 400,
    "serviceQuotaExceededException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "modelTimeoutException": 408,
    "conflictException": 409,
    "dependencyFailedException": 424,
    "modelErrorException": 424,
    "modelStreamErrorException": 424,
    "modelNotReadyException": 429,
    "throttlingException": 429,
    "internalFailure": 500,
    "internalServerException": 500,
    "badGatewayException": 502,
    "serviceUnavailableException": 503,
}


class AWSDialect(JSONDialect):
    """A dialect whose frames may be AWS messages."""

    def read_frame(self, frame: Frame, deltas: list[Delta]) -> None:
        """Append what `frame` says to `deltas`, whatever it is."""
        if isinstance(frame, AWSMessage) and frame.message_type in ("exception", "error"):
            values, _, _ = decode(frame.payload)
            message = frame.headers.get(":error-message") or frame.payload.decode("utf-8", "replace")
            deltas.append(_error(frame.event, values[0] if values else message))
        else:
            super().read_frame(frame, deltas)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what `value` says to `deltas`."""
        if name := exception_in(value, event):
            deltas.append(_error(name, value.get(name, value)))
        elif not self.read_event(value, event, deltas) and (error := find_error(value)):
            deltas.append(provider_error(error, value))

    @abstractmethod
    def read_event(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> bool:
        """Append what `value`, which is no exception, says to `deltas`; return whether it is an event of this API."""


def exception_in(value: Mapping[str, Any], event: str) -> str | None:
    """Return the name of the exception that `value` is, in a frame whose event type is `event`."""
    return next((name for name in (event, *value) if _known(name) in STATUS_OF), None)


def _known(name: str) -> str:
    """Return `name` as the models write it; HTTP headers and ``:error-code`` write it with a capital."""
    return name[:1].lower() + name[1:]


def _error(name: str, body: Any) -> ProviderError:
    fields = body if isinstance(body, Mapping) else {"message": body}
    message = fields.get("message") or fields.get("Message")
    error = provider_error({"message": message, "type": name, "status_code": STATUS_OF.get(_known(name))}, body)
    # What broke here is the model's stream, not the request: "Retry your request", the API reference says.
    broken = (
        _known(name) == "modelStreamErrorException" or count(fields.get("originalStatusCode")) in RETRYABLE_STATUSES
    )
    error.retryable = error.retryable or broken
    return error
