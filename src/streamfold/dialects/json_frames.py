"""Read the JSON of a frame as tolerantly as can be done without guessing.

The typed decoders of the dialects take the frames that are as they should be. What they refuse comes here: half a
surrogate pair in an escape, bytes that are not UTF-8, two values in one frame (GLM, Agent Engine), a control character
inside a string. Python's own decoder reads all of these.
"""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\n\r]*")


def load_values(frame: bytes) -> tuple[list[Any], int, str]:
    """Read the JSON values in `frame`.

    Returns:
        The values; how many invalid byte sequences became U+FFFD; and, where something else follows the values, a
        sentence that says what and where, else ``""``.
    """
    text = frame.decode("utf-8", "replace")
    n_replaced = text.count("\ufffd") - frame.count(b"\xef\xbf\xbd")
    values: list[Any] = []
    at = _skip_space(text, 0)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except RecursionError:
            return values, n_replaced, "nested too deeply"
        except ValueError as error:
            return values, n_replaced, str(error)
        values.append(value)
        at = _skip_space(text, at)
    return values, n_replaced, ""


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
