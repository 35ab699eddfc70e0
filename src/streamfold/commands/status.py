"""Say in one line how a stream ended, and how fast it came. What others said in it can do nothing to a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..reply import Reply
from ..terminal.controls import neutralised

MIN_GENERATING = 0.1  # seconds: what a shorter reply's speed would be says nothing


def status_line(reply: Reply) -> str:
    """Return the verdict, the tokens, the time to the first, the speed and the time in all; numbers only if known."""
    return neutralised(f"[{', '.join([_ending(reply), *_numbers(reply)])}]")


def _ending(reply: Reply) -> str:
    if reply.stop:
        return f"stopped by {reply.stop.string!r} at character {reply.stop.offset:,}"
    if reply.error is None:
        return str(reply.verdict)
    advice = "; does a server run there?" if isinstance(reply.error.__cause__, ConnectionRefusedError) else ""
    return f"{reply.verdict}, {reply.error}{advice}"


def _numbers(reply: Reply) -> Iterator[str]:
    timing = reply.timing
    assert timing is not None  # every driver sets it
    tokens = reply.usage.output_tokens if reply.usage.mark("output_tokens") == "exact" else None
    if tokens is not None:
        yield f"{tokens:,} tokens"
    if timing.first is not None:
        yield f"first after {timing.first:.2f} s"
    long_enough = (timing.generating or 0) >= MIN_GENERATING
    if tokens is not None and long_enough and (speed := timing.per_second(tokens)) is not None:
        yield f"{speed:.1f} tokens/s"
    yield f"{timing.total:.1f} s"


def tool_call_lines(reply: Reply) -> Iterator[str]:
    """Yield a line for each tool call."""
    for call in reply.tool_calls:
        yield neutralised(f"tool call: {call.name}({call.arguments}){'' if call.complete else ' incomplete'}")
