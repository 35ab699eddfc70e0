"""Hand text on in whole grapheme clusters: what a person sees as one character is never shown half.

Chunks are whole code points, but a family emoji, a flag or a letter with its accents is several (Unicode Standard
Annex 29). The last cluster of the text is held until the next one begins or something other than text comes. The reply
is not touched: only what is handed on waits.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import CallerError

if TYPE_CHECKING:
    from .fold import Shown

MAX_CLUSTER = 1_024
"""Bounds what is held, in code points: a longer cluster is no character but an attack, and is handed on as it is."""


class GraphemeGate:
    """Hold back the unfinished grapheme cluster at the end of the text.

    Raises:
        CallerError: The package that knows the clusters is not installed.
    """

    def __init__(self) -> None:
        try:
            self._clusters = import_module("regex").compile(r"\X").findall
        except ImportError as error:
            raise CallerError("graphemes=True needs `pip install 'streamfold[graphemes]'`") from error
        self._held = ""

    def feed(self, shown: Shown) -> Shown:
        """Return what of `shown` can be handed on: all but a cluster that may still grow."""
        passed: Shown = []
        for piece in shown:
            if not isinstance(piece, str):
                if self._held:
                    passed.append(self._held)
                    self._held = ""
                passed.append(piece)
                continue
            *whole, self._held = self._clusters(self._held + piece)
            if len(self._held) > MAX_CLUSTER:
                whole.append(self._held)
                self._held = ""
            if whole:
                passed.append("".join(whole))
        return passed
