"""A right solution of the exercise and wrong ones, each with the cases that must not pass."""

from __future__ import annotations

from streamfold.lesson.grading import CASES

RIGHT = """\
def consume_stream(chunks, on_token, stop=None):
    parts, stopped = [], False
    for chunk in chunks:
        if stop is not None and chunk == stop:
            stopped = True
            break
        parts.append(chunk)
        on_token(chunk)
    return {"text": "".join(parts), "n_tokens": len(parts), "stopped": stopped}
"""
ALL = frozenset(CASES)

WRONG: dict[str, tuple[str, frozenset[str]]] = {
    "keeps the stop": (
        RIGHT.replace("            break\n", "            parts.append(chunk)\n            break\n"),
        frozenset({"the stop ends it, and is neither kept, counted nor handed on"}),
    ),
    "goes on after the stop": (
        RIGHT.replace("            break\n", "            continue\n"),
        frozenset(
            {
                "the stop ends it, and is neither kept, counted nor handed on",
                "nothing after the stop is pulled",
            }
        ),
    ),
    "reads everything first": (
        RIGHT.replace("for chunk in chunks:", "for chunk in list(chunks):"),
        frozenset({"on_token is called as each chunk arrives", "nothing after the stop is pulled"}),
    ),
    "stops at a chunk that contains it": (
        RIGHT.replace("chunk == stop", "stop in chunk"),
        frozenset({"a chunk stops only if it equals the stop"}),
    ),
    "says too much": (
        RIGHT.replace('"stopped": stopped}', '"stopped": stopped, "chunks": parts}'),
        frozenset(
            {
                "the result has exactly three keys",
                "a stream without chunks is an answer, too",
                "a second call starts afresh",
            }
        ),
    ),
    "remembers the last call": (
        RIGHT.replace("stop=None):", "stop=None, parts=[]):").replace("parts, stopped = [], False", "stopped = False"),
        frozenset({"a second call starts afresh"}),
    ),
    "calls nobody": (
        RIGHT.replace("        on_token(chunk)\n", ""),
        frozenset(
            {
                "on_token is called once for each chunk, in order",
                "on_token is called as each chunk arrives",
                "the stop ends it, and is neither kept, counted nor handed on",
            }
        ),
    ),
    "skips empty chunks": (
        RIGHT.replace(
            "        parts.append(chunk)", "        if not chunk:\n            continue\n        parts.append(chunk)"
        ),
        frozenset({"n_tokens counts the chunks, empty ones too"}),
    ),
    "returns nothing": (RIGHT[: RIGHT.index("    return")], ALL),
    "is not Python": ("def consume_stream(chunks, on_token, stop=None)\n    return {}\n", ALL),
    "has another name": (RIGHT.replace("consume_stream", "consume"), ALL),
}
