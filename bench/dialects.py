"""Each provider's bytes to a finished reply with a callback: the floor, streamfold, and the provider's own client.

One event a read, in memory; streamfold is told nothing, so it finds the framing and the dialect itself. The floor cuts
at the frames' ends, keeps what is cut, gathers the frames and calls back: what no client can do without. In an AWS
event stream it checks the two sums of each message too: without them no end of a frame is known to be one.
"""

import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from streamfold import fold

from . import clients, wires
from .race import Contender, Reads, on_text, race, rows

PASSES = 5  # in a round, of the quick contenders: a stream takes them a few milliseconds
_PRELUDE = struct.Struct(">III")
_SUM = struct.Struct(">I")

DIALECTS: dict[str, tuple[Callable[[int], Reads], bytes]] = {
    "openai_chat": (wires.openai_chat, b"\n\n"),
    "openai_completions": (wires.openai_completions, b"\n\n"),
    "openai_responses": (wires.openai_responses, b"\n\n"),
    "anthropic_messages": (wires.anthropic_messages, b"\n\n"),
    "gemini": (wires.gemini, b"\r\n\r\n"),
    "gemini, one array": (wires.gemini_array, b"\r\n,\r\n"),
    "mistral_chat": (wires.mistral_chat, b"\n\n"),
    "cohere_v2": (wires.cohere_v2, b"\n\n"),
    "ollama_chat": (wires.ollama_chat, b"\n"),
    "bedrock_converse": (wires.bedrock_converse, b""),
}
"""By name: what makes a stream, and what its frames end with; nothing where they are AWS messages."""


def floor(reads: Reads, end: bytes = b"\n\n") -> None:
    tail, parts = b"", []
    for data in reads:
        found = (tail + data).split(end)
        tail = found.pop()
        for part in found:
            parts.append(part)
            on_text(part)


def floor_of_messages(reads: Reads) -> None:
    tail, parts = b"", []
    for data in reads:
        tail += data
        while len(tail) >= _PRELUDE.size:
            length, _, crc = _PRELUDE.unpack_from(tail)
            assert crc == zlib.crc32(tail[:8])
            if length > len(tail):
                break
            assert _SUM.unpack_from(tail, length - 4)[0] == zlib.crc32(tail[: length - 4])
            part, tail = tail[:length], tail[length:]
            parts.append(part)
            on_text(part)


def ours(reads: Reads) -> str:
    return fold(reads, on_text=on_text).text


def again(contender: Contender, reads: Reads) -> None:
    for _ in range(PASSES):
        contender(reads)


def run(rounds: int = 5, count: int = 3_000) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for name, (wire, end) in DIALECTS.items():
        result += one(name, wire(count), partial(floor, end=end) if end else floor_of_messages, rounds)
    return result


def one(name: str, reads: Reads, least: Contender, rounds: int) -> list[dict[str, Any]]:
    contenders: dict[str, Contender] = {"floor": partial(again, least), "streamfold": partial(again, ours)}
    if name in clients.CLIENTS:
        package, client = clients.CLIENTS[name]
        assert ours(reads) == client(reads) != ""
        contenders[package] = client
    times = race(contenders, reads, rounds)
    for quick in ("floor", "streamfold"):
        times[quick] = [seconds / PASSES for seconds in times[quick]]
    return list(rows("dialects", f"{name}, {len(reads):,} events", times, len(reads)))
