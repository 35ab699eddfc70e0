"""Look into a JSON value while it still arrives, such as the arguments of an open tool call.

`feed` only stores; `PartialJSON.value` looks at what is new of the text. Between the marks of the structure stand
scalars, and these the parser `jiter` reads (extra ``[partial]``): a name or a number once it is whole, and one that is
the last thing that has come at each look; of a string only what is new, which is appended in place. So nothing is read
again but a number or a word that is cut, and the work is linear in the text, whatever is in it and however often the
value is asked for.

Text that no JSON can start with leaves the value as it is, and so does anything that follows a whole object or array.

A partial value is to be shown, never executed: a string may lack its end, a number its last digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import CallerError

MAX_DEPTH = 200
"""Keeps the value such that it can be walked and printed; it is what `jiter` takes."""

MAX_SHOWN_NUMBER = 400
"""Protects time: a longer number is shown once it is whole. That of the greatest float has 309 digits."""

_SPACE = " \t\r\n"
_MARK = re.compile(r'["{}\[\],:]')
_BETWEEN = re.compile(r"[ \t\r\n]+|[^ \t\r\n]+")
_KINDS: dict[str, type[Any]] = {"{": dict, "}": dict, "[": list, "]": list}
# The inside of a string in units that can be decoded alone: an escape is whole, and so is a surrogate pair of two.
_INSIDE = re.compile(
    r'(?:[^"\\]++|\\[^u]|\\u[dD][89abAB][^"\\]{2}\\u[^"\\]{4}|\\u(?![dD][89abAB])[^"\\]{4})*+',
)
_LONGEST_UNIT = len(r"\ud83d\ude00")


class PartialJSON:
    """A JSON value in the making.

    Raises:
        CallerError: The package `jiter` is not there.
    """

    __slots__ = ("_is_final", "_is_loose", "_is_placed", "_name", "_new", "_open", "_parse", "_quoted", "_word")

    def __init__(self) -> None:
        self._parse = _parser()
        self._new: list[str] = []  # not looked at yet
        self._open: list[Any] = [[]]  # objects and arrays, each in the one before; the first one holds the value
        self._name: str | None = None  # of the member that is read, once it is known
        self._word: list[str] = []  # the text of a name, a number or a word that is not whole
        self._quoted = False
        self._is_placed = False  # whether the member that is read has its value
        self._is_loose = False  # whether that may be only the first half of it
        self._is_final = False  # whether nothing can change any more: it is whole, or no JSON starts so

    def feed(self, piece: str) -> None:
        """Take the next piece of the text."""
        if not self._is_final:
            self._new.append(piece)

    @property
    def value(self) -> Any:
        """What can be told of the value so far; ``None`` before there is anything.

        Objects and arrays grow in place: copy what must not change.
        """
        if self._new and not self._is_final:
            text = "".join(self._new)
            self._new.clear()
            try:
                self._look(text)
            except ValueError:
                self._is_final = True
        return self._open[0][0] if self._open[0] else None

    def _look(self, text: str) -> None:
        self._take_loose()
        at = 0
        while at < len(text) and not self._is_final:
            if self._quoted:
                at = self._read_string(text, at)
                continue
            mark = _MARK.search(text, at)
            end = mark.start() if mark else len(text)
            if end > at:
                self._read_between(text[at:end])
            if mark:
                self._note(mark[0])
            at = end + 1
        self._show_loose()

    def _read_between(self, between: str) -> None:
        """Read what is no mark: numbers, words, and white space, which ends them."""
        for piece in _BETWEEN.findall(between):
            if piece[0] in _SPACE:
                self._end_word()
            else:
                self._add_word(piece)

    # -- strings -------------------------------------------------------------------------------------------------

    def _read_string(self, text: str, at: int) -> int:
        """Read on in the open string; return where it ends or, if it does not, the end of `text`."""
        found = _INSIDE.match(text, at)
        end = found.end() if found else at
        if self._is_placed:
            self._grow(text[at:end])
        else:
            self._word.append(text[at:end])
        if text[end : end + 1] == '"':
            self._quoted = False
            if not self._is_placed:
                self._word.append('"')
            return end + 1
        if end < len(text):  # half an escape
            if len(text) - end >= _LONGEST_UNIT:
                raise ValueError("not an escape")
            self._new.append(text[end:])
        return len(text)

    def _grow(self, inside: str) -> None:
        """Append to the open string what is new of it."""
        more = self._parse(f'"{inside}"'.encode())
        string = self._unplace()  # so that it has one owner and is extended, not copied
        string += more
        self._place(string)

    # -- the structure -------------------------------------------------------------------------------------------

    def _note(self, mark: str) -> None:
        match mark:
            case '"':
                self._begin_string()
            case ":":
                self._end_name()
            case ",":
                self._end_member()
                self._expect_member()
            case "{" | "[":
                self._begin(_KINDS[mark]())
            case _:
                self._end(_KINDS[mark])

    def _begin_string(self) -> None:
        self._quoted = True
        if self._awaits_name:
            self._add_word('"')
        else:
            self._begin_value("")

    def _end_name(self) -> None:
        name = self._parse("".join(self._word).encode()) if self._awaits_name else None
        if not isinstance(name, str):
            raise ValueError("not a name")
        self._name = name
        self._word.clear()

    def _begin(self, container: Any) -> None:
        if len(self._open) > MAX_DEPTH:
            raise ValueError("too deep")
        self._begin_value(container)
        self._open.append(container)
        self._expect_member()

    def _begin_value(self, value: Any) -> None:
        if self._word or self._is_placed or self._awaits_name:
            raise ValueError("not expected here")
        self._place(value)

    def _end(self, kind: type[Any]) -> None:
        container = self._open[-1]
        if type(container) is not kind or len(self._open) == 1:
            raise ValueError("not open")
        if container or self._word:
            self._end_member()
        self._open.pop()
        self._expect_member()
        self._is_placed = True
        self._is_final = len(self._open) == 1

    def _end_member(self) -> None:
        if self._is_placed == bool(self._word) or self._awaits_name or len(self._open) == 1:
            raise ValueError("no member ends here")
        self._end_word()

    def _end_word(self) -> None:
        if self._word and not self._awaits_name:
            self._place(self._parse("".join(self._word).encode(), partial_mode=False))
            self._word.clear()

    def _expect_member(self) -> None:
        self._name = None
        self._is_placed = False
        self._word.clear()

    @property
    def _awaits_name(self) -> bool:
        return self._name is None and not self._is_placed and isinstance(self._open[-1], dict)

    # -- values --------------------------------------------------------------------------------------------------

    def _add_word(self, word: str) -> None:
        if self._is_placed:
            raise ValueError("the member is whole")
        self._word.append(word)

    def _show_loose(self) -> None:
        """Show what a number or a word may become."""
        if not self._word or self._awaits_name or self._is_final:
            return
        word = "".join(self._word[: MAX_SHOWN_NUMBER + 1])
        if found := self._parse(f"[{word}".encode()) if len(word) <= MAX_SHOWN_NUMBER else None:
            self._place(found[0])
            self._is_loose = True

    def _take_loose(self) -> None:
        if self._is_loose:
            self._unplace()
            self._is_placed = self._is_loose = False

    def _place(self, value: Any) -> None:
        """Give the member that is read its value. Said twice, the last one counts, and it stands last."""
        container = self._open[-1]
        if isinstance(container, dict):
            container.pop(self._name, None)
            container[self._name] = value
        else:
            container.append(value)
        self._is_placed = True

    def _unplace(self) -> Any:
        container = self._open[-1]
        return container.pop(self._name) if isinstance(container, dict) else container.pop()


def _parser() -> Callable[..., Any]:
    try:
        from jiter import from_json
    except ImportError as error:
        raise CallerError("a partial view needs `pip install 'streamfold[partial]'`") from error
    return partial(from_json, partial_mode="trailing-strings", allow_inf_nan=False, cache_mode="keys")
