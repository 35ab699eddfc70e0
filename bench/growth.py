"""How time grows with the input: four times as much must take four times as long, whatever it is made of.

Each case is something that could be quadratic, and most of them once were. The best of several runs, as a pause of the
machine only ever adds; the ratio is 1 where the time is linear, and 4 where it is quadratic.
"""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from streamfold.decoder import Decoder
from streamfold.events import Details
from streamfold.folding import Fold
from streamfold.folding.deltas import WholePart
from streamfold.reply.partial_json import PartialJSON
from streamfold.reply.parts import MediaPart, TextPart
from streamfold.tags import TagSplitter
from streamfold.terminal.markdown import Markdown

TIMES = 4
ROUNDS = 5


class Fed(Protocol):
    """What a case feeds its pieces to."""

    def feed(self, piece: Any, /) -> object: ...
    def close(self) -> object: ...


class LookedInto(PartialJSON):
    """A tool call that somebody looks into at every piece."""

    def feed(self, piece: str) -> None:
        super().feed(piece)
        _ = self.value

    def close(self) -> None:
        """There is nothing to end."""


def said(**delta: Any) -> bytes:
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


def called(arguments: str, **more: str) -> bytes:
    function = {"arguments": arguments, **more}
    return said(tool_calls=[{"index": 0, "id": "c", "function": function}])


def fours(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


OPENED = '{"files":[{"path":"a.py","content":"'
PART = WholePart(MediaPart("image/png", b""))

Case = tuple[Callable[[], Fed], Callable[[int], Iterable[Any]]]
CASES: dict[str, Case] = {
    "a long line, byte by byte": (Decoder, lambda n: [b"data: ", *[b"x"] * (24 * n)]),
    "lines without a blank one": (Decoder, lambda n: [b"data: x\n"] * (8 * n)),
    "events that tell no dialect": (Decoder, lambda n: [b"data: {}\n\n"] * (8 * n)),
    "pieces of arguments": (Decoder, lambda n: [called('{"a":"', name="f"), *[called("x")] * n]),
    "names said again": (Decoder, lambda n: [called("{}", name="f")] * n),
    "text": (Decoder, lambda n: [said(content="abc")] * (3 * n)),
    "text, one read": (Decoder, lambda n: [said(content="abc") * (6 * n)]),
    "reasoning": (Decoder, lambda n: [said(reasoning="abc")] * (2 * n)),
    "halves of characters": (Decoder, lambda n: [said(content="\ud83d"), said(content="\ude00")] * n),
    "details of a part long ago": (Fold, lambda n: [["a", *[PART, Details(TextPart, {"citations": [1]})] * (5 * n)]]),
    "blocks of reasoning": (TagSplitter, lambda n: ["<think></think>" * (4 * n)]),
    "closing tags": (TagSplitter, lambda n: ["</think>" * (8 * n)]),
    "opening tags": (TagSplitter, lambda n: ["<think>" * (8 * n)]),
    "half a closing tag": (TagSplitter, lambda n: ["<think>" + "</thin" * (8 * n)]),
    "white space before a tag": (TagSplitter, lambda n: ["\n" * (60 * n)]),
    "a string in a call": (LookedInto, lambda n: fours(OPENED + 'print(\\"h\\u00e9llo\\")\\n\\t' * (5 * n))),
    "members of a call": (LookedInto, lambda n: fours("{" + ",".join(f'"name{m}":{m}' for m in range(4 * n)))),
    "prose": (lambda: Markdown(lambda: 80), lambda n: fours("Some **bold** words, `code` and *more*. " * n)),
    "lists": (lambda: Markdown(lambda: 80), lambda n: fours("- an item\n  - another\n" * n)),
    "code": (lambda: Markdown(lambda: 80), lambda n: fours("```python\n" + "x = {'a': 1}  # comment\n" * n)),
    "a table": (lambda: Markdown(lambda: 80), lambda n: fours("| a | b |\n|---|---|\n" + "| cell | cell |\n" * n)),
    "markers that open only": (lambda: Markdown(lambda: 80), lambda n: fours("*a _b `c [d " * n)),
    "quotes in quotes": (lambda: Markdown(lambda: 80), lambda n: fours("> " * 4 * n)),
    "items in items": (lambda: Markdown(lambda: 80), lambda n: fours("1. " * 4 * n)),
    "spaces": (lambda: Markdown(lambda: 80), lambda n: fours(" " * 20 * n)),
    "one word": (lambda: Markdown(lambda: 80), lambda n: fours("1" * 20 * n)),
    "emoji": (lambda: Markdown(lambda: 80), lambda n: fours("👩‍🚀" * 4 * n)),
}


def seconds(case: Case, n: int) -> float:
    """Return the CPU seconds of the fastest of several runs."""
    make, pieces_of = case
    pieces = list(pieces_of(n))
    return min(_once(make(), pieces) for _ in range(ROUNDS))


def _once(fed: Fed, pieces: list[Any]) -> float:
    started = time.process_time()
    for piece in pieces:
        fed.feed(piece)
    fed.close()
    return time.process_time() - started


def run() -> list[dict[str, Any]]:
    """Return a row for each case; "an event" is one unit of what the case repeats."""
    found = []
    for name, case in CASES.items():
        short, long = 400, 400 * TIMES
        once, more = seconds(case, short), seconds(case, long)
        ratio = more / once / TIMES
        found.append(
            {
                "bench": "growth",
                "case": "four times the input",
                "contender": name,
                "us_per_event": more / long * 1e6,
                "ratio": {"a unit of a quarter of it": ratio},
            }
        )
    return found
