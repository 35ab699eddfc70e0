"""Hang up for google-genai, whose async stream does not when it is left early.

Its stream is an async generator that iterates others, down to the response. Closing the outermost closes none of the
rest, as in any chain of async generators (PEP 525); and the last of them and the library's response refer to each
other, so that the connection stays open, and the model goes on being paid for, until the garbage collector comes by.
Seen in google-genai 3.4. The response is found in the generators' frames before they are closed, and closed after.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from inspect import isasyncgen
from typing import Any

from ..closing import aclose_source


def is_genai_stream(source: object) -> bool:
    """Tell whether `source` is an async stream of google-genai's."""
    frame = source.ag_frame if isasyncgen(source) else None
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("google.genai")


class GenaiStream(AsyncIterator[Any]):
    """An async stream of google-genai's that hangs up when it is closed."""

    def __init__(self, stream: AsyncGenerator[Any]) -> None:
        self._stream = stream

    async def __anext__(self) -> Any:
        return await anext(self._stream)

    async def aclose(self) -> None:
        """Close the stream and the response that it reads."""
        await aclose_source(self._stream, _response(self._stream), None)


def _response(stream: object) -> object:
    """Return the HTTP response that `stream` reads, if it has one open."""
    while is_genai_stream(stream):
        values = stream.ag_frame.f_locals.values()  # type: ignore[attr-defined]
        for value in values:
            if hasattr(value, "response_stream"):
                return value.response_stream
        stream = next(filter(is_genai_stream, values), None)
    return None
