"""Write the arguments of a tool call whose values come one by one, each with its path (Gemini on Vertex AI).

::

    {"jsonPath": "$.recipe.steps[0]", "stringValue": "Preheat ", "willContinue": true}
    {"jsonPath": "$.recipe.steps[0]", "stringValue": "the oven."}
    {"jsonPath": "$.recipe.servings", "numberValue": 4}

becomes ``{"recipe":{"steps":["Preheat the oven."],"servings":4}}``, each piece of it as soon as it is certain. That
needs the values in the order of the document, in which a model writes them. A path that leads back to what is already
closed cannot be written: it is a ValueError, and the text stays what it is, half an object.

The paths are those of RFC 9535 that name one value: ``$``, ``.name``, ``['name']`` and ``[0]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..folding.deltas import Anomaly, Delta
from .fields import dumped
from .google_fields import either

_STEP = re.compile(r"""\.([^.\[\]'"]+)|\[(\d{1,9})\]|\['([^']*)'\]|\["([^"]*)"\]""")
Key = str | int


class PartialArguments:
    """Write one JSON object from its values."""

    def __init__(self) -> None:
        self._open: list[tuple[Key, set[str]]] = []  # of each open object or array: the latest key, all its names
        self._in_string = False

    def add(self, part: Mapping[str, Any]) -> str:
        """Return what `part` adds to the text.

        Raises:
            ValueError: It has no path or no value, or leads back to what is already written.
        """
        path = _path(either(part, "jsonPath"))
        value = _value(part)
        if self._in_string and isinstance(value, str) and path == [key for key, _ in self._open]:
            text = ""
        else:
            text = self._go_to(path) + ('"' if isinstance(value, str) else "")
        text += json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else json.dumps(value)
        self._in_string = isinstance(value, str) and either(part, "willContinue") is True
        return text + '"' if isinstance(value, str) and not self._in_string else text

    def close(self) -> str:
        """Return what is missing at the end."""
        if not self._open:
            return "{}"
        return self._end_string() + self._leave(0)

    def _go_to(self, path: list[Key]) -> str:
        """Return the text that leads from the latest value to the one at `path`."""
        text = self._end_string()
        if self._open:
            pairs = zip(path, self._open, strict=False)
            same = next((n for n, (key, (latest, _)) in enumerate(pairs) if key != latest), None)
            if same is None:
                raise ValueError("the value is already written")
            text += self._leave(same + 1) + self._go_on(path[same])
        return text + "".join(map(self._enter, path[len(self._open) :]))

    def _enter(self, key: Key) -> str:
        """Open the object or the array whose first key is `key`."""
        if isinstance(key, str):
            self._open.append((key, {key}))
            return "{" + json.dumps(key) + ":"
        if key:
            raise ValueError(f"an array cannot start at {key}")
        self._open.append((key, set()))
        return "["

    def _go_on(self, key: Key) -> str:
        """Go on to `key` in the innermost object or array."""
        latest, names = self._open.pop()
        self._open.append((key, names))
        if isinstance(key, str) and isinstance(latest, str) and key not in names:
            names.add(key)
            return f",{json.dumps(key)}:"
        if isinstance(key, int) and isinstance(latest, int) and key == latest + 1:
            return ","
        raise ValueError(f"{key!r} cannot follow {latest!r}")

    def _leave(self, depth: int) -> str:
        """Close all objects and arrays but the outer `depth`."""
        closed = self._open[depth:]
        del self._open[depth:]
        return "".join("}" if isinstance(key, str) else "]" for key, _ in reversed(closed))

    def _end_string(self) -> str:
        text, self._in_string = '"' if self._in_string else "", False
        return text


def _path(written: Any) -> list[Key]:
    """Return the keys of a path."""
    path = written.removeprefix("$") if isinstance(written, str) else ""
    steps = list(_STEP.finditer(path))
    if not steps or sum(len(step[0]) for step in steps) != len(path) or steps[0][2]:
        raise ValueError(f"no path of one value in an object: {path[:80]!r}")
    return [int(step[2]) if step[2] else step[step.lastindex or 0] for step in steps]


def _value(part: Mapping[str, Any]) -> str | float | bool | None:
    """Return the value in `part`, of whichever type it is."""
    for name, kind in (("stringValue", str), ("numberValue", (int, float)), ("boolValue", bool)):
        value = either(part, name)
        if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
            return value
    if either(part, "nullValue") is not None:
        return None
    raise ValueError("no value")


class PartialCall:
    """A call of a tool in the making."""

    def __init__(self, index: int, name: str | None) -> None:
        self.index = index
        self.name = name
        self._writer = PartialArguments()
        self._is_written = False  # all of it, or all that can be

    def add(self, args: Any, parts: Iterable[Mapping[str, Any]], deltas: list[Delta]) -> str:
        """Return what a piece of the call adds to the text of the arguments."""
        if isinstance(args, Mapping) and args and not self._is_written:
            self._is_written = True
            return dumped(args)
        written = ""
        for part in parts:
            try:
                written += "" if self._is_written else self._writer.add(part)
            except ValueError as error:
                self._is_written = True
                deltas.append(Anomaly(f"a partial argument that cannot be written: {error}"))
        return written

    def close(self) -> str:
        """Return what is missing at the end."""
        return "" if self._is_written else self._writer.close()
