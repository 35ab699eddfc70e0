"""What the stop matcher costs a chunk, against a plain loop, vLLM's tail check and a regular expression.

Every contender reads the same tokens, gathers the text to show and calls a callback for each piece of it.
The tokens are drawn from a vocabulary by Zipf's law: few words make up most of the text. No stop occurs in
it, or the race would end early, but its words begin many of them. Each round goes through all contenders and
compares CPU times within the round; the table gives the medians of these ratios.

Two more cases, with 4 stops: "new str objects", where each token is an object that has never been hashed and
lies cold in memory, and "no chunk twice", where nothing that was learnt helps. They bound what a stream can
cost.

vLLM's check and the regular expression hold a fixed tail back and so show every token late; they are here
for their time, and on the first tokens only: what vLLM's costs grows with the text.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable
from operator import truediv
from typing import Any

from streamfold.stops import StopMatcher

N_TOKENS = 50_000
N_TOKENS_SLOW = 2_000
FLOOR = "plain loop"

Contender = Callable[[list[str], list[str]], None]


def on_text(text: str) -> None:
    """The callback: does nothing, so that only the call is measured."""


def plain_loop(tokens: list[str], stops: list[str]) -> None:
    parts: list[str] = []
    for token in tokens:
        parts.append(token)
        on_text(token)
    "".join(parts)


def ours(tokens: list[str], stops: list[str]) -> None:
    StopMatcher(stops).consume(tokens, on_text)


def ours_feed(tokens: list[str], stops: list[str]) -> None:
    parts: list[str] = []
    append = parts.append
    matcher = StopMatcher(stops)
    feed = matcher.feed
    for token in tokens:
        shown = feed(token)
        if shown:
            append(shown)
            on_text(shown)
        elif matcher.state.stopped:
            break


class VllmCheck:
    """`check_stop_strings` and the hold-back of vLLM's detokenizer, written from their description."""

    def __init__(self, stops: list[str]) -> None:
        self.stops = stops
        self.output_text = ""
        self.buffer = max(map(len, stops)) - 1
        self.shown = 0

    def feed(self, token: str) -> str | None:
        self.output_text += token
        for stop in self.stops:
            if self.output_text.find(stop, 1 - len(token) - len(stop)) != -1:
                return None
        start, self.shown = self.shown, max(self.shown, len(self.output_text) - self.buffer)
        return self.output_text[start : self.shown]


def vllm_check(tokens: list[str], stops: list[str]) -> None:
    parts: list[str] = []
    check = VllmCheck(stops)
    for token in tokens:
        shown = check.feed(token)
        if shown is None:
            break
        if shown:
            parts.append(shown)
            on_text(shown)


def regular_expression(tokens: list[str], stops: list[str]) -> None:
    parts: list[str] = []
    search = re.compile("|".join(map(re.escape, stops))).search
    keep = max(map(len, stops)) - 1
    tail = ""
    for token in tokens:
        window = tail + token
        if search(window):
            break
        cut = max(0, len(window) - keep)
        tail = window[cut:]
        if cut:
            parts.append(window[:cut])
            on_text(window[:cut])


CONTENDERS: dict[str, Contender] = {
    FLOOR: plain_loop,
    "streamfold": ours,
    "streamfold, feed": ours_feed,
    "regular expression": regular_expression,
    "vLLM's tail check": vllm_check,
}
SLOW = {regular_expression, vllm_check}

USUAL_STOPS = ["\n\nUser:", "<|im_end|>", "###", " THE END"]


def vocabulary(rng: random.Random, size: int = 8_000) -> list[str]:
    """Words of 1 to 9 letters, most with a leading space, and the marks and line ends between them."""
    words = {"".join(rng.choices("etaoinshrdlcumwfgypbvk", k=rng.randint(1, 9))) for _ in range(size)}
    tokens = [" " + word if rng.random() < 0.8 else word for word in sorted(words)]
    rng.shuffle(tokens)
    return [",", ".", "\n", "\n\n", " the", *tokens]


def zipf_tokens(rng: random.Random, words: list[str], count: int) -> list[str]:
    return rng.choices(words, [1 / rank for rank in range(1, len(words) + 1)], k=count)


def make_stops(rng: random.Random, words: list[str], count: int) -> list[str]:
    """The usual stops, then phrases of the text's own words, with an end that it does not have."""
    phrases = ["".join(zipf_tokens(rng, words, 3)) + "!" + str(number) for number in range(count)]
    return (USUAL_STOPS + phrases)[:count]


def cpu_seconds(contender: Contender, tokens: list[str], stops: list[str]) -> float:
    start = time.process_time()
    contender(tokens, stops)
    return time.process_time() - start


def renew(tokens: list[str]) -> list[str]:
    """Make a new object, with no hash yet, of each token."""
    return [token[:1] + token[1:] for token in tokens]


def race(case: str, tokens: list[str], stops: list[str], rounds: int, new: bool = False) -> list[dict[str, Any]]:
    """Return a row for each contender; with `new`, each gets str objects of its own."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, contender in CONTENDERS.items():
            count = N_TOKENS_SLOW if contender in SLOW else len(tokens)
            given = renew(tokens[:count]) if new else tokens[:count]
            seconds[name].append(cpu_seconds(contender, given, stops) / count)
    floor = seconds[FLOOR]
    return [
        {
            "bench": "stops",
            "case": case,
            "contender": name,
            "ns_per_chunk": round(statistics.median(times) * 1e9, 1),
            "ratio": {FLOOR: round(statistics.median(map(truediv, times, floor)), 2)},
        }
        for name, times in seconds.items()
    ]


def run(rounds: int = 9) -> list[dict[str, Any]]:
    """Race all contenders with 1, 4, 64 and 1,000 stops; return a row for each contender and case."""
    rng = random.Random(20_260)
    words = vocabulary(rng)
    tokens = zipf_tokens(rng, words, N_TOKENS)
    rows = []
    for count in (1, 4, 64, 1_000):
        stops = make_stops(rng, words, count)
        rows += race(f"{count:,} stop{'s' * (count > 1)}", tokens, stops, rounds)
    rows += race("4 stops, new str objects", tokens, USUAL_STOPS, rounds, new=True)
    distinct = [f" {number:x}" for number in range(N_TOKENS)]
    return rows + race("4 stops, no chunk twice", distinct, USUAL_STOPS, rounds, new=True)


if __name__ == "__main__":
    for row in run():
        ratio = row["ratio"][FLOOR]
        print(f"{row['case']:<26}{row['contender']:<20}{row['ns_per_chunk']:>12,.1f} ns{ratio:>11,.2f}x")
