"""The fold: what a dialect says (`deltas`) becomes events for the reader and, piece by piece, the `Reply`.

`fold` is the way in. It keeps an entry of `choices` for each choice, and the choice that is being written open
(`open_choice`, `tool_calls`): there tags and stop sequences are looked for, and halves of characters joined
(`surrogates`). `joining` takes away what a continuation says again, `notes` counts what a stream should not have done,
and `graphemes` holds text until a whole character can be shown.
"""

from .fold import Fold, Shown

__all__ = ["Fold", "Shown"]
