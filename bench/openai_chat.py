"""OpenAI chat bytes to a finished reply with a callback, against other clients and against merely splitting the bytes.

Every contender is given the same reads, in memory, and must return the text. CPU time, rounds interleaved; a ratio is the
median of the ratios within each round. The floor splits at blank lines and calls back, keeping what is cut: what no
client can do without. Comparators are pinned in pyproject.toml, group `bench`.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import httpx
import httpx2  # what the openai package sits on
import openai
from httpx_sse import EventSource

from streamfold import fold

REQUEST: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
BLOCK = 65_536  # bytes
Reads = list[bytes]


def events(count: int) -> Reads:
    """Return a stream as OpenAI sends it, about 330 bytes an event, one event a read."""
    rng = random.Random(7)
    words = [f" {rng.getrandbits(32):x}"[: rng.randint(2, 8)] for _ in range(4_000)]
    deltas = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": rng.choice(words)} for _ in range(count - 2)]
    wire = [_event(delta, None, rng) for delta in deltas] + [_event({}, "stop", rng)]
    return [*wire, b"data: [DONE]\n\n"]


def _event(delta: dict[str, Any], finish: str | None, rng: random.Random) -> bytes:
    chunk = {
        "id": "chatcmpl-BkkWwZxkZ5lJ9wqkzYtA2Jv2hXr7x",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_a288987b44",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
        "obfuscation": f"{rng.getrandbits(64):x}"[: rng.randint(6, 16)],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def blocks(reads: Reads) -> Reads:
    """Return the same bytes in reads of 64 KiB."""
    wire = b"".join(reads)
    return [wire[at : at + BLOCK] for at in range(0, len(wire), BLOCK)]


def on_text(text: object) -> None:
    pass


def floor(reads: Reads) -> None:
    tail, parts = b"", []
    for data in reads:
        found = (tail + data).split(b"\n\n")
        tail = found.pop()
        for part in found:
            parts.append(part)
            on_text(part)


def ours(reads: Reads) -> str:
    return fold(reads, on_text=on_text).text


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


def _client(reads: Reads) -> openai.OpenAI:
    class Body(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(reads)

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())

    return openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def openai_raw(reads: Reads) -> str:
    parts = []
    for chunk in _client(reads).chat.completions.create(**REQUEST, stream=True):
        if chunk.choices and (text := chunk.choices[0].delta.content):
            parts.append(text)
            on_text(text)
    return "".join(parts)


def openai_helper(reads: Reads) -> str:
    with _client(reads).chat.completions.stream(**REQUEST) as stream:
        for event in stream:
            if event.type == "content.delta":
                on_text(event.delta)
        return stream.get_final_completion().choices[0].message.content or ""


CONTENDERS: dict[str, Callable[[Reads], Any]] = {
    "floor": floor,
    "streamfold": ours,
    "streamfold, 2 stops": ours_with_stops,
    "httpx-sse + json": sse_and_json,
    "openai raw": openai_raw,
    "openai helper": openai_helper,
}


def race(contenders: list[str], reads: Reads, rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each contender in each round."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in contenders:
            started = time.process_time()
            CONTENDERS[name](reads)
            times[name].append(time.process_time() - started)
    return times


def rows(case: str, times: dict[str, list[float]], count: int) -> Iterator[dict[str, Any]]:
    for name, spent in times.items():
        versus = {other: median(a / b for a, b in zip(spent, times[other], strict=True)) for other in times}
        versus.pop(name)
        yield {
            "bench": "openai_chat",
            "case": case,
            "contender": name,
            "us_per_event": median(spent) / count * 1e6,
            "ratio": versus,
        }


def run(rounds: int = 9, count: int = 5_000) -> list[dict[str, Any]]:
    reads = events(count)
    assert ours(reads) == openai_raw(reads) == sse_and_json(reads) == ours_with_stops(reads)
    result: list[dict[str, Any]] = []
    for case, cut in (("one event a read", reads), ("64 KiB reads", blocks(reads))):
        result += rows(f"{count:,} events, {case}", race(list(CONTENDERS), cut, rounds), count)
    return result + linearity(max(3, rounds // 3))


def linearity(rounds: int) -> list[dict[str, Any]]:
    """Measure ten and a hundred times as many events: the time for each must stay what it is."""
    result: list[dict[str, Any]] = []
    for count in (5_000, 50_000, 500_000):
        reads = events(count)
        result += rows(f"{count:,} events, linearity", race(["floor", "streamfold"], reads, rounds), count)
    return result
