"""What a stream did that it should not have done: sentences, counted."""

from __future__ import annotations

from ..errors import CallbackError


class Notes:
    """The anomalies of one stream, and the errors of its reader's callback.

    Attributes:
        callback_error: The first error of the caller's callback; it counts the others.
    """

    def __init__(self) -> None:
        self.callback_error: CallbackError | None = None
        self._counts: dict[str, int] = {}

    def add(self, anomaly: str, n: int = 1) -> None:
        """Note `anomaly`; it is told once, with how often it was noted."""
        self._counts[anomaly] = self._counts.get(anomaly, 0) + n

    def callback_failed(self, error: Exception) -> bool:
        """Keep the first error of the caller's callback, count the others; return whether this is the first."""
        if self.callback_error is None:
            self.callback_error = CallbackError(error)
            return True
        self.callback_error.n_errors += 1
        return False

    def sentences(self, n_lone: int) -> list[str]:
        """Return the anomalies; `n_lone` is how many lone surrogates were replaced."""
        lone = {"a lone surrogate replaced by U+FFFD": n_lone} if n_lone else {}
        counted = (self._counts | lone).items()
        return [sentence if n == 1 else f"{sentence} ({n:,} times)" for sentence, n in counted]
