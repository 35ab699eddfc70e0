"""Look into a JSON value while it still arrives, such as the arguments of an open tool call.

The parser is `jiter` (extra ``[partial]``); what is kept here is how much of the text it need not see again. `feed`
only stores; `PartialJSON.value` looks at what is new of the text, and then:

- A member of the outer object that is whole is parsed once and stays.
- While a string grows, wherever in the value it is, only what is new of it is decoded, and it is appended in place.
- Anything else parses the unfinished member again, from its start.

So the work is linear in the text for flat arguments and for long strings (a file's content, a query), however often the
value is asked for; for one member of many small values it is that member's length at each look. Text that no JSON can
start with leaves the value as it is, and so does anything that follows a whole object or array.

A partial value is to be shown, never executed: a string may lack its end, a number its last digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import CallerError

_MARK = re.compile(r'["{}\[\],:]')
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

    __slots__ = (
        "_brackets",
        "_is_final",
        "_is_value",
        "_leaf",
        "_loose",
        "_new",
        "_parse",
        "_quoted",
        "_rest",
        "_root",
    )

    def __init__(self) -> None:
        self._parse = _parser()
        self._new: list[str] = []  # not looked at yet
        self._rest: list[str] = []  # looked at: the unfinished member, or the whole text if there are no members
        self._root: list[Any] = []  # the value, once there is one
        self._loose: list[str] = []  # the members that may change yet
        self._brackets = ""  # the open brackets
        self._quoted = False
        self._is_value = True  # whether the string that is open, or comes next, is a value rather than a name
        self._leaf: Any = None  # the object or array whose last value is the open string, if that can grow
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
            except ValueError as error:
                if str(error).startswith("EOF"):
                    self._root.clear()  # half a number or half a word that stands alone: no value yet
                else:
                    self._is_final = True
        return self._root[0] if self._root else None

    def _look(self, text: str) -> None:
        if self._leaf is not None:
            end = _inside(text, 0)
            self._grow(text[:end])
            if self._hold(text, end):
                return
            text = text[end:]
            self._leaf = None
        end, settled = self._scan(text)
        before, after = "".join(self._rest) + text[:settled], text[settled:end]
        if settled:
            self._merge(self._parse((before[:-1] + "}").encode()))
            self._loose.clear()
            before = "{"
        self._rest = [before + after]
        self._hold(text, end)
        self._set(self._parse(self._rest[0].encode()))
        self._leaf = _last_string(self._root) if self._quoted and self._is_value else None

    def _hold(self, text: str, end: int) -> bool:
        """Keep what follows `end` for later if it is half an escape; return whether nothing else follows."""
        if end == len(text):
            return True
        if text[end] != "\\":
            return False
        if len(text) - end >= _LONGEST_UNIT:
            raise ValueError("not an escape")
        self._new.append(text[end:])
        return True

    def _scan(self, text: str) -> tuple[int, int]:
        """Return how far `text` can be parsed, and where in it the last whole member of the outer object ends."""
        at = settled = 0
        while at < len(text):
            if self._quoted:
                at = _inside(text, at)
                if at == len(text) or text[at] == "\\":
                    break
                self._quoted = False
                at += 1
            elif mark := _MARK.search(text, at):
                at = mark.end()
                if self._note(mark[0]):
                    settled = at
                if self._is_final:
                    break
            else:
                at = len(text)
        return at, settled

    def _note(self, mark: str) -> bool:
        """Keep count of quotes and brackets; return whether `mark` ends a member of the outer object."""
        if mark == '"':
            self._quoted = True
        elif mark in "{[":
            self._brackets += mark
            self._is_value = mark == "["
        elif mark in "}]":
            self._brackets = self._brackets[:-1]
            self._is_final = not self._brackets
        else:
            self._is_value = mark == ":" or self._brackets.endswith("[")
        return mark == "," and self._brackets == "{"

    def _set(self, found: Any) -> None:
        """Take the value as it is found now, but for the members that are settled."""
        if not isinstance(found, dict) or not self._root:
            self._root[:] = [found]
        else:
            for name in self._loose:
                self._root[0].pop(name, None)
            self._merge(found)
        self._loose = list(found) if isinstance(found, dict) else []

    def _merge(self, found: dict[str, Any]) -> None:
        if not self._root:
            self._root.append({})
        for name, value in found.items():
            self._root[0].pop(name, None)  # said twice, the last one counts, and it stands last
            self._root[0][name] = value

    def _grow(self, inside: str) -> None:
        """Append to the open string what is new of it."""
        decoded = self._parse(f'"{inside}"'.encode())
        self._rest.append(inside)
        leaf = self._leaf
        if isinstance(leaf, dict):
            place = next(reversed(leaf))
            string = leaf.pop(place)  # out of its place, so that it has one owner and is extended, not copied
            string += decoded
            leaf[place] = string
        else:
            string = leaf.pop()
            string += decoded
            leaf.append(string)


def _inside(text: str, at: int) -> int:
    """Return the end of what can be decoded of the inside of a string."""
    found = _INSIDE.match(text, at)
    return found.end() if found else at


def _last_string(container: Any) -> Any:
    """Return the innermost object or array whose last value is a string; ``None`` if the last value is no string."""
    while container and isinstance(container, dict | list):
        last = container[next(reversed(container)) if isinstance(container, dict) else -1]
        if isinstance(last, str):
            return container
        container = last
    return None


def _parser() -> Callable[[bytes], Any]:
    try:
        from jiter import from_json
    except ImportError as error:
        raise CallerError("a partial view needs `pip install 'streamfold[partial]'`") from error
    return partial(
        from_json,
        partial_mode="trailing-strings",
        allow_inf_nan=False,
        catch_duplicate_keys=True,  # or the last value would not be the last one that was written
        cache_mode="keys",
    )
