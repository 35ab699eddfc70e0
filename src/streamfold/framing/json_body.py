r"""A body that is one value: collect the bytes, and hand them on whole at the end.

::

    {\n
      "error": {\n
        "message": "Incorrect API key provided",\n
        "type": "invalid_request_error"\n
      }\n
    }\n

It is the framing of whatever is no stream: an error's body, a reply that was not streamed, and also an HTML page or a
sentence of a proxy; what is in it is for the dialect to say. A byte order mark and white space around the value are cut
off (RFC 8259, 2 and 8.1); a body of nothing else has no value.

Time is linear in the bytes, memory the body; `limit` bounds it.
"""

from __future__ import annotations

from ..errors import FramingError, LimitError
from . import BOM, JSON_SPACE

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Protects memory: a body is held until it ends. A reply with images in it is that large."""

Frame = bytes | FramingError


class JSONBody:
    """Collect bytes into one value.

    Args:
        limit: The largest body that is taken, in bytes.
    """

    def __init__(self, limit: int = MAX_BODY_BYTES) -> None:
        self._limit = limit
        self._failed = False
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take `data` in; return nothing, or a `LimitError` if the body is too large."""
        if self._failed:
            return []
        self._held += data
        if len(self._held) <= self._limit:
            return []
        self._failed = True
        error = LimitError("body", len(self._held), self._limit)
        self._held.clear()
        return [error]

    def close(self) -> list[Frame]:
        """Return the value, if there is one."""
        body = self.rest.removeprefix(BOM).strip(JSON_SPACE)
        self._held.clear()
        return [body] if body else []

    @property
    def rest(self) -> bytes:
        """The body so far; nothing after an error or `close`."""
        return bytes(self._held)
