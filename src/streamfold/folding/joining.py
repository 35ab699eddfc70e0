"""Join a continuation to what was delivered: take away what it says again, and nothing else.

A model that is asked to go on often begins with the last words it was given. Only a real overlap is taken away: long
enough not to be chance, from the beginning of a word on, and not where the text repeats itself anyway ("ha ha").
"""

from __future__ import annotations

from .surrogates import SurrogateJoiner

MIN_OVERLAP = 16
"""Characters: less in common between an end and a beginning is chance."""

MAX_OVERLAP = 4096
"""Characters: how far back a continuation may reach. It bounds the search, and what is held back."""


def overlap(tail: str, head: str) -> int:
    """Return how many characters at the start of `head` only repeat the end of `tail`.

    Models that are asked to go on often say their last words again. It is taken for that only if it is at least
    `MIN_OVERLAP` characters that begin at the beginning of a word, and does not lie within an end of `tail` that
    repeats itself already: after "ha ha" or two equal rows of a table one more is what the model means.
    """
    tail = tail[-MAX_OVERLAP:]
    return next((len(tail) - start for start in _starts(tail) if head.startswith(tail[start:])), 0)


class Joiner:
    """Pass the pieces of a continuation on without their overlap with what was delivered.

    It holds text back only while more of it can belong to a longer overlap than the one that is found. If the
    continuation fails as well, drop its joiner unclosed: what that holds most likely was delivered before. A stream
    that the server resumes at an exact place repeats nothing, and needs no joiner.

    Args:
        delivered: The text before.
    """

    def __init__(self, delivered: str) -> None:
        self._tail = delivered[-MAX_OVERLAP:]
        self._starts = _starts(self._tail)
        self._held = ""
        self._halves = SurrogateJoiner()

    @property
    def held(self) -> str:
        """What is held back."""
        return self._held or self._halves.held

    @property
    def n_replaced(self) -> int:
        """How many halves of characters stayed alone and became U+FFFD."""
        return self._halves.n_replaced

    def feed(self, piece: str) -> str:
        """Return what can be shown of the held text and `piece`."""
        piece = self._halves.feed(piece)
        if not self._starts:
            return piece
        self._held += piece
        self._starts = [start for start in self._starts if self._agrees(start)]
        if self._starts and len(self._tail) - self._starts[0] > len(self._held):
            return ""
        return self._decided()

    def close(self) -> str:
        """Return what was held back: no more comes."""
        self._held += self._halves.close()
        return self._decided()

    def _decided(self) -> str:
        rest = self._held[overlap(self._tail, self._held) :]
        self._held, self._starts = "", []
        return rest

    def _agrees(self, start: int) -> bool:
        """Tell whether the tail from `start` on and the held text are alike as far as both go."""
        if len(self._held) < len(self._tail) - start:
            return self._tail.startswith(self._held, start)
        return self._held.startswith(self._tail[start:])


def _starts(tail: str) -> list[int]:
    """Return where in `tail` an overlap can begin, the longest first."""
    end = min(len(tail) - MIN_OVERLAP + 1, _repetition(tail))
    return [start for start in range(end) if start == 0 or not _is_inside_word(tail[start - 1], tail[start])]


def _is_inside_word(before: str, after: str) -> bool:
    return before.isalnum() and after.isalnum() and max(before, after) < "\u2e80"  # CJK puts no spaces between words


def _repetition(tail: str) -> int:
    """Return where the longest end of `tail` begins that is something two times or more; its length if none is."""
    n = begin = len(tail)
    for period in range(1, n // 2 + 1):
        # a shorter one lies within the repetition that is known, whose period it then shares
        if 2 * period > n - begin and tail[n - 2 * period : n - period] == tail[n - period :]:
            begin = n - 2 * period
            while begin and tail[begin - 1] == tail[begin - 1 + period]:
                begin -= 1
    return begin
