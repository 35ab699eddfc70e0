r"""Make valid Unicode of text that may hold halves of surrogate pairs.

JSON may write a character beyond U+FFFF as two escapes (RFC 8259, 7), and some servers cut a stream between the two:
``"\ud83d"`` ends one delta and ``"\ude00"`` begins the next. A high half at the end of a piece is held until the next
piece of the same channel; a half that stays alone becomes U+FFFD, as the WHATWG Encoding Standard decodes it.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def has_surrogates(text: str) -> bool:
    """Tell whether `text` holds a surrogate, and so is not valid Unicode."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def replace_surrogates(text: str) -> str:
    """Return `text` with its pairs of surrogates joined and each lone one replaced by U+FFFD."""
    if not has_surrogates(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """Join the halves of surrogate pairs across the pieces of one channel.

    Attributes:
        held: A high half that waits for its other half, or ``""``.
        n_replaced: How many lone halves became U+FFFD.
    """

    __slots__ = ("held", "n_replaced")

    def __init__(self) -> None:
        self.held = ""
        self.n_replaced = 0

    def feed(self, piece: str) -> str:
        """Return what is valid of the held half and `piece`."""
        text = self.held + piece
        self.held = ""
        if not has_surrogates(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self.held = text[:-1], text[-1]
        return self._joined(text)

    def close(self) -> str:
        """Return what the held half becomes when nothing follows it."""
        text, self.held = self.held, ""
        return self._joined(text)

    def _joined(self, text: str) -> str:
        whole = replace_surrogates(text)
        self.n_replaced += whole.count("\ufffd") - text.count("\ufffd")
        return whole
