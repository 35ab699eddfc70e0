"""Grade a reader's own `consume_stream`, case by case, and watch it work.

This runs in the browser's Python, beside the reader's code, and needs nothing but the standard library. A case says in
words what must hold, then looks whether it does; what it raises as `Wrong` is shown to the reader. An endless loop is
not its business: the page ends the worker that it runs in.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

NAME = "consume_stream"
READER = "your code"
SHOWN = 60
"""The most characters of a value that a message shows."""

Event = tuple[str, Any]
"""What happened: ``pull`` or ``token`` with the chunk, ``result`` with what was returned, ``error`` with a sentence."""


class Wrong(Exception):  # noqa: N818 - it is the reader who reads it
    """What the reader's function does wrong, in a sentence."""


class Watched:
    """A stream that tells when each chunk is pulled from it and when each is handed on."""

    def __init__(self, chunks: list[str]) -> None:
        self.events: list[Event] = []
        self._chunks = chunks

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            self.events.append(("pull", chunk))
            yield chunk

    def on_token(self, chunk: str) -> None:
        """Take what is handed on."""
        self.events.append(("token", chunk))

    def of(self, kind: str) -> list[Any]:
        """Return what was noted of events of one kind."""
        return [value for name, value in self.events if name == kind]


def loaded(code: str) -> Callable[..., Any]:
    """Run the reader's `code` and return its function.

    Raises:
        Wrong: It does not run, or defines no such function.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(code, READER, "exec"), names)
    except Exception as error:
        raise Wrong(told(error)) from error
    found = names.get(NAME)
    if not callable(found):
        raise Wrong(f"there is no function {NAME}: the page calls it by that name")
    return found  # type: ignore[no-any-return]


def trace(code: str, chunks: list[str], stop: str | None) -> list[Event]:
    """Return what happens when the reader's function walks `chunks`."""
    watched = Watched(chunks)
    try:
        result = loaded(code)(iter(watched), watched.on_token, stop)
    except Wrong as error:
        return [*watched.events, ("error", str(error))]
    except Exception as error:
        return [*watched.events, ("error", told(error))]
    return [*watched.events, ("result", result)]


def grade(code: str) -> list[dict[str, Any]]:
    """Return for each case its name, whether it passed, and why not."""
    graded = []
    for name, case in CASES.items():
        why = ""
        try:
            case(loaded(code))
        except Wrong as error:
            why = str(error)
        except Exception as error:
            why = told(error)
        graded.append({"name": name, "passed": not why, "why": why})
    return graded


def told(error: Exception) -> str:
    """Return an error as a sentence, with the line of the reader's code in which it happened."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == READER]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def shown(value: Any) -> str:
    """Return a value as it is shown in a message."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _expect(found: Any, expected: Any, what: str) -> None:
    if found != expected or type(found) is not type(expected):
        raise Wrong(f"{what} is {shown(found)}, expected {shown(expected)}")


def _walked(consume: Callable[..., Any], chunks: list[str], *stop: str | None) -> tuple[dict[str, Any], Watched]:
    watched = Watched(chunks)
    result = consume(iter(watched), watched.on_token, *stop)
    if not isinstance(result, dict):
        raise Wrong(f"it returns {shown(result)}, expected a dict")
    missing = [key for key in ("text", "n_tokens", "stopped") if key not in result]
    if missing:
        raise Wrong(f"the result has no {missing[0]!r}")
    return result, watched


def _joins(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["The", " capital", " is", " Paris"])
    _expect(result["text"], "The capital is Paris", "text")


def _hands_on(consume: Callable[..., Any]) -> None:
    _, watched = _walked(consume, ["a", "b", "c"])
    _expect(watched.of("token"), ["a", "b", "c"], "what on_token was called with")


def _as_it_arrives(consume: Callable[..., Any]) -> None:
    _, watched = _walked(consume, ["a", "b"])
    if watched.events != [("pull", "a"), ("token", "a"), ("pull", "b"), ("token", "b")]:
        raise Wrong("on_token must be called for each chunk before the next one is pulled: so the reader sees it live")


def _counts(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["a", "bb", "", "c"])
    _expect(result["n_tokens"], 4, "n_tokens for four chunks, one of them empty,")


def _stops(consume: Callable[..., Any]) -> None:
    result, watched = _walked(consume, ["a", "b", "<END>", "c"], "<END>")
    _expect(result["stopped"], True, "stopped")
    _expect(result["text"], "ab", "text before the stop")
    _expect(result["n_tokens"], 2, "n_tokens before the stop")
    _expect(watched.of("token"), ["a", "b"], "what on_token was called with before the stop")


def _pulls_no_more(consume: Callable[..., Any]) -> None:
    _, watched = _walked(consume, ["a", "<END>", "b", "c"], "<END>")
    after = watched.of("pull")[2:]
    if after:
        raise Wrong(f"{shown(after[0])} was pulled after the stop: knowing when to quit means that nothing more is")


def _needs_no_stop(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["a", "<END>", "b"])
    _expect(result["stopped"], False, "stopped without a stop")
    _expect(result["text"], "a<END>b", "text without a stop")


def _stop_absent(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["a", "b"], "<END>")
    _expect(result["stopped"], False, "stopped, where the stop never came,")
    _expect(result["text"], "ab", "text, where the stop never came,")


def _equals(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["a<END>", "b"], "<END>")
    _expect(result["text"], "a<END>b", "text: a chunk stops only if it equals the stop; it")


def _three_keys(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, ["a"])
    more = [key for key in result if key not in ("text", "n_tokens", "stopped")]
    if more:
        raise Wrong(f"the result has {more[0]!r} as well: exactly three keys, text, n_tokens and stopped")


def _nothing(consume: Callable[..., Any]) -> None:
    result, _ = _walked(consume, [])
    _expect(result, {"text": "", "n_tokens": 0, "stopped": False}, "the result of a stream without chunks")


def _afresh(consume: Callable[..., Any]) -> None:
    _walked(consume, ["a", "<END>"], "<END>")
    result, _ = _walked(consume, ["b"], "<END>")
    _expect(result, {"text": "b", "n_tokens": 1, "stopped": False}, "the result of a second call")


CASES: dict[str, Callable[[Callable[..., Any]], None]] = {
    "text is all the chunks, joined": _joins,
    "on_token is called once for each chunk, in order": _hands_on,
    "on_token is called as each chunk arrives": _as_it_arrives,
    "n_tokens counts the chunks, empty ones too": _counts,
    "the stop ends it, and is neither kept, counted nor handed on": _stops,
    "nothing after the stop is pulled": _pulls_no_more,
    "without a stop, everything is consumed": _needs_no_stop,
    "a stop that never comes changes nothing": _stop_absent,
    "a chunk stops only if it equals the stop": _equals,
    "the result has exactly three keys": _three_keys,
    "a stream without chunks is an answer, too": _nothing,
    "a second call starts afresh": _afresh,
}
"""What must hold of the reader's function, in the words in which the page says it."""
