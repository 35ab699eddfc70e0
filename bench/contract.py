"""`consume_stream` against the loop of the field's tutorials, and against `"".join`, the floor.

CPU time, rounds interleaved in random order: a contender inherits the heap as the last one left it.
A ratio is the median of the ratios within each round, because absolute times drift with the machine.
"""

import random
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from streamfold.contract import consume_stream

STOP = "<END>"
SIZES = (100, 10_000, 100_000)
CHUNKS_A_ROUND = 100_000


def tutorial_loop(chunks: Any, on_token: Callable[[str], None], stop: str | None) -> dict[str, Any]:
    """The loop at its best: a local `text`, which CPython extends in place; no comparison without a stop."""
    text, n_tokens, stopped = "", 0, False
    if stop is None:
        for chunk in chunks:
            text += chunk
            on_token(chunk)
            n_tokens += 1
    else:
        for chunk in chunks:
            if chunk == stop:
                stopped = True
                break
            text += chunk
            on_token(chunk)
            n_tokens += 1
    return {"text": text, "n_tokens": n_tokens, "stopped": stopped}


def join(chunks: Any, on_token: Callable[[str], None], stop: str | None) -> str:
    return "".join(chunks)


CONTENDERS: dict[str, Callable[..., Any]] = {
    "consume_stream": consume_stream,
    "tutorial loop": tutorial_loop,
    "join": join,
}


def on_token(chunk: str) -> None:
    pass


def generate(chunks: list[str]) -> Iterator[str]:
    for chunk in chunks:  # noqa: UP028 - `yield from` a list is not what a source does
        yield chunk


def as_it_is(chunks: list[str]) -> list[str]:
    return chunks


def seconds(contender: Callable[..., Any], chunks: list[str], make: Callable[..., Any], stop: str | None) -> float:
    """CPU seconds for one pass over `chunks`, by as many passes as make a round."""
    passes = CHUNKS_A_ROUND // len(chunks)
    start = time.process_time()
    for _ in range(passes):
        contender(make(chunks), on_token, stop)
    return (time.process_time() - start) / passes


def measure(size: int, make: Callable[..., Any], stop: str | None, rounds: int) -> dict[str, list[float]]:
    """Seconds for each contender, round by round. The stop comes last, so all do the same work."""
    chunks = [f" w{i % 997}" for i in range(size - 1)] + [STOP]
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    names = list(CONTENDERS)
    for _ in range(rounds):
        random.shuffle(names)
        for name in names:
            times[name].append(seconds(CONTENDERS[name], chunks, make, stop))
    return times


def run(rounds: int = 15) -> list[dict[str, Any]]:
    """Rows of this benchmark; `ratio` is this contender's time over the named one's."""
    rows = []
    for size in SIZES:
        for kind, make in (("list", as_it_is), ("generator", generate)):
            for stop in (None, STOP):
                times = measure(size, make, stop, rounds)
                case = f"{kind} of {size:,}, {'a stop' if stop else 'no stop'}"
                for name, mine in times.items():
                    ratio = {
                        other: round(median(a / b for a, b in zip(mine, theirs, strict=True)), 3)
                        for other, theirs in times.items()
                        if other != name
                    }
                    ns = round(median(mine) / size * 1e9, 1)
                    rows.append(
                        {
                            "bench": "contract",
                            "case": case,
                            "contender": name,
                            "ns_per_chunk": ns,
                            "ratio": ratio,
                        }
                    )
    return rows


def main() -> None:
    print(f"{'case':32} {'contender':16} {'ns a chunk':>10}   time over the others'")
    for row in run():
        ratios = ", ".join(f"{ratio:.2f} {name}" for name, ratio in row["ratio"].items())
        print(f"{row['case']:32} {row['contender']:16} {row['ns_per_chunk']:10.1f}   {ratios}")


if __name__ == "__main__":
    main()
