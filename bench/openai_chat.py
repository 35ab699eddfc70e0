"""OpenAI chat bytes to a finished reply with a callback, against other clients and against merely splitting the bytes.

Every contender is given the same reads, in memory, and must return the text. Each reads events one at a time, then in
blocks of 64 KiB. Comparators are pinned in pyproject.toml, group `bench`.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from httpx_sse import EventSource

from streamfold import fold

from .clients import MESSAGES, client_of_openai
from .clients import openai_chat as openai_raw
from .dialects import floor, ours
from .race import Contender, Reads, on_text, race, rows
from .wires import openai_chat as events

BLOCK = 65_536  # bytes


def blocks(reads: Reads) -> Reads:
    """Return the same bytes in reads of 64 KiB."""
    wire = b"".join(reads)
    return [wire[at : at + BLOCK] for at in range(0, len(wire), BLOCK)]


def ours_with_stops(reads: Reads) -> str:
    return fold(reads, on_text=on_text, stop=["\nUser:", "<|im_end|>"]).text


class _HttpxBody(httpx.SyncByteStream):
    def __init__(self, reads: Reads) -> None:
        self.reads = reads

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.reads)


def sse_and_json(reads: Reads) -> str:
    parts: list[str] = []
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_HttpxBody(reads))
    for sse in EventSource(response).iter_sse():
        if sse.data == "[DONE]":
            break
        text = json.loads(sse.data)["choices"][0]["delta"].get("content")
        if text:
            parts.append(text)
            on_text(text)
    return "".join(parts)


def openai_helper(reads: Reads) -> str:
    with client_of_openai(reads).chat.completions.stream(model="m", messages=MESSAGES) as stream:
        for event in stream:
            if event.type == "content.delta":
                on_text(event.delta)
        return stream.get_final_completion().choices[0].message.content or ""


CONTENDERS: dict[str, Contender] = {
    "floor": floor,
    "streamfold": ours,
    "streamfold, 2 stops": ours_with_stops,
    "httpx-sse + json": sse_and_json,
    "openai raw": openai_raw,
    "openai helper": openai_helper,
}
QUICK = {name: CONTENDERS[name] for name in ("floor", "streamfold")}


def run(rounds: int = 7, count: int = 5_000) -> list[dict[str, Any]]:
    reads = events(count)
    assert ours(reads) == openai_raw(reads) == sse_and_json(reads) == ours_with_stops(reads)
    result: list[dict[str, Any]] = []
    for case, cut in (("one event a read", reads), ("64 KiB reads", blocks(reads))):
        result += rows("openai_chat", f"{count:,} events, {case}", race(CONTENDERS, cut, rounds), count)
    return result + linearity(max(3, rounds // 3))


def linearity(rounds: int) -> list[dict[str, Any]]:
    """Measure ten and a hundred times as many events: the time for each must stay what it is."""
    result: list[dict[str, Any]] = []
    for count in (5_000, 50_000, 500_000):
        times = race(QUICK, events(count), rounds)
        result += rows("openai_chat", f"{count:,} events, linearity", times, count)
    return result
