"""Mutate a wire as what it is: frames of JSON. Half of the time it is left to the fuzzer, which knows bytes.

A frame is said twice, left out, said elsewhere; or one value in its JSON becomes another: one of `ODD`, or a value of
another frame.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import atheris

from .wires import frames

ODD = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "\ud83d",
    "\ude00",
    "\r\n",
    "<think>",
    "[DONE]",
    "error",
    [],
    {},
    [[]],
    [{}],
)
"""What a provider never sends where it is not meant, and a stranger does."""

NAMES = ("type", "error", "index", "id", "content", "text", "delta", "message")
"""Names that mean something in most dialects."""

_JSON = re.compile(rb"[\[{].*[\]}]", re.DOTALL)


def mutate(data: bytes, max_size: int, seed: int, framing: str) -> bytes:
    """Return another wire like `data`; the same for the same `seed`."""
    random = Random(seed)
    pieces = frames(data, framing)
    if not pieces or random.random() < 0.5:
        return atheris.Mutate(data, max_size)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(pieces))
        match random.randrange(6):
            case 0:
                pieces.insert(random.randrange(len(pieces)), pieces[at])
            case 1 if len(pieces) > 1:
                del pieces[at]
            case 2:
                pieces.append(pieces.pop(at))
            case _:
                pieces[at] = _with_other_value(pieces[at], random.choice(pieces), random)
    return b"".join(pieces)[:max_size]


def _with_other_value(piece: bytes, other: bytes, random: Random) -> bytes:
    """Return `piece` with one value in its JSON replaced, or left out, or put under another name."""
    found = _JSON.search(piece)
    value = _loaded(piece)
    if found is None or value is None:
        return piece
    places = list(_places(value))
    if not places:
        return piece
    holder, key = random.choice(places)
    strangers = [inner[name] for inner, name in _places(_loaded(other))]
    match random.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice(NAMES)] = holder.pop(key)
        case 2 if strangers:
            holder[key] = random.choice(strangers)
        case _:
            holder[key] = random.choice(ODD)
    try:
        return piece[: found.start()] + json.dumps(value).encode() + piece[found.end() :]
    except (ValueError, RecursionError):  # a value put into itself
        return piece


def _loaded(piece: bytes) -> Any:
    found = _JSON.search(piece)
    try:
        return json.loads(found.group()) if found else None
    except (ValueError, RecursionError):
        return None


def _places(value: Any, depth: int = 0) -> Any:
    """Yield each ``(holder, key)`` in `value`."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        if depth < 20:
            yield from _places(value[key], depth + 1)
