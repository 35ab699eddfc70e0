"""Take the control characters out of a model's text: an escape sequence in it must not reach the terminal.

A terminal obeys C0 and C1 controls (ECMA-48): they move the cursor, hide text, set the title, on some terminals paste
into the shell. They are shown instead, as Unicode's pictures of them, so that nobody takes the text for another one.
The overrides of the writing direction (Unicode Standard Annex 9) go the same way: they make code look like other code
(CVE-2021-42574). What right-to-left text itself needs, the marks and isolates, stays.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
_KEPT = {"\n", "\t"}
_SPACE = {"\r": " "}  # the carriage return of a line's end disappears there; elsewhere it would erase
_OVERRIDES = "\u202a\u202b\u202d\u202e"

_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)}
_PICTURES |= {chr(code): REPLACEMENT for code in range(0x80, 0xA0)}
_PICTURES |= dict.fromkeys(_OVERRIDES, REPLACEMENT) | {"\x7f": "\u2421"} | _SPACE
_SHOWN = str.maketrans({char: shown for char, shown in _PICTURES.items() if char not in _KEPT})
_CONTROL = re.compile(f"[{re.escape(''.join(map(chr, _SHOWN)))}]")


def escaped(json: str) -> str:
    """Return JSON text with those control characters escaped too that JSON lets stand; it says the same."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def neutralised(text: str) -> str:
    """Return `text` with every control character but newline and tab replaced by a picture of it."""
    return text.translate(_SHOWN) if _CONTROL.search(text) else text
