"""What is done with a reply beside folding it, and what that costs a token: showing, encoding and recording it.

Every contender reads the same events of an OpenAI stream, one a read, that say Markdown as models write it, with a
token each. The fold alone gives its events to nobody. The terminal is the whole way of a piece of text but the spinner
and the thread: display, Markdown, writer, into a file that is none. A recording is written to the disk's cache.
"""

import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from streamfold import stream
from streamfold.encoders import ENCODERS, encoder_named
from streamfold.events import Event
from streamfold.terminal.display import Display
from streamfold.terminal.writer import Writer

from . import wires
from .race import Contender, Reads, on_text, race, rows

FOLD = "the fold alone"
TIMES = 20

TEXT = """\
## How it works

The **relay** keeps every stream in a log, so that *many readers* follow it, and `resume` where they were:

1. It writes what came, before anybody is told of it.
2. It tells those who wait; see [the page](https://example.org/docs/relay).
   - A reader that is late reads what is there.
   - One that left costs nothing.

```python
async def follow(log, at=0):  # from any place
    async for record in log.read(at):
        yield record["text"]
```

| store  | readers |   a second |
|--------|--------:|-----------:|
| SQLite |     100 |     20,000 |
| Redis  |   1,000 |    100,000 |

"""


def tokens(text: str) -> list[str]:
    """Cut `text` into pieces of about the size of a token."""
    return re.findall(r"\s*\S{1,5}|\s+", text)


class Nowhere:
    """A file that forgets what is written."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """There is nothing to flush."""


def alone(reads: Reads) -> None:
    given(reads, on_text)


def given(reads: Reads, take: Callable[[Event], object]) -> None:
    with stream(reads) as events:
        for event in events:
            take(event)


def shown(reads: Reads) -> None:
    file: Any = Nowhere()
    display, writer = Display(lambda: 80), Writer(file, colors=True)
    given(reads, lambda event: writer.write(display.feed(event, 0.0)))
    writer.write(display.close(0.0))


def encoded(reads: Reads, name: str) -> None:
    given(reads, encoder_named(name)("id", "m").feed)


def recorded(reads: Reads, path: Path) -> None:
    with stream(reads, record=path) as events:
        for event in events:
            on_text(event)


def run(rounds: int = 7) -> list[dict[str, Any]]:
    words = tokens(TEXT * TIMES)
    reads = wires.openai_chat(len(words), words)
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Contender] = {
            FOLD: alone,
            "and a terminal": shown,
            **{f"and {name}": partial(encoded, name=name) for name in ENCODERS},
            "and a recording": partial(recorded, path=Path(folder) / "reply.stream"),
        }
        race(contenders, reads, 1)  # so that nobody pays for what is loaded once
        times = race(contenders, reads, rounds)
    found = rows("outputs", f"{len(words):,} tokens of Markdown", times, len(words))
    return [{**row, "ratio": {name: ratio for name, ratio in row["ratio"].items() if name == FOLD}} for row in found]
