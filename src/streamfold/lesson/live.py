"""Run the reader's function, or streamfold's own, over a real model's stream, of which the page has the chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..sync import fold
from .grading import Wrong, loaded, told

Pull = Callable[[], str | None]
"""Returns the next chunk once it is there, and ``None`` after the last one."""


def consumed(code: str, pull: Pull, on_token: Callable[[str], object], stop: str | None) -> dict[str, Any]:
    """Return what the reader's function returns, or its error as a sentence."""
    try:
        return {"result": loaded(code)(_chunks(pull), on_token, stop)}
    except Wrong as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": told(error)}


def folded(pull: Pull, on_token: Callable[[str], object], stop: str | None) -> dict[str, Any]:
    """Return what `streamfold.fold` makes of the same stream: there a stop is found over any number of chunks."""
    reply = fold(_chunks(pull), on_text=on_token, stop=stop)
    return {"result": {"text": reply.text, "verdict": str(reply.verdict)}}


def _chunks(pull: Pull) -> Iterator[str]:
    while (chunk := pull()) is not None:
        yield chunk
