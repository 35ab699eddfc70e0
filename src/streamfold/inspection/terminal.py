"""Show the facts in a terminal: a few lines, and plots out of block characters.

What others said, be it a model's name or a provider's error, can do nothing to the terminal: `controls`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..recordings.source import Recording
from ..terminal.controls import neutralised
from .charts import seconds
from .facts import Facts

_LEVELS = "▁▂▃▄▅▆▇█"
_BAR = 40
_COLOURS = {"complete": "green", "stopped": "green", "tool_calls": "green", "length": "yellow", "cancelled": "yellow"}


def show(facts: Facts, recording: Recording, name: str) -> None:
    """Print the facts."""
    console = Console(highlight=False)
    console.print(Group(*_parts(facts, recording, name, max(20, min(console.width - 22, 80)))))


def _parts(facts: Facts, recording: Recording, name: str, width: int) -> Iterator[RenderableType]:
    verdict = str(facts.reply.verdict)
    told = [name, facts.reply.model, facts.reply.dialect, recording.head.get("created")]
    badge = (verdict.replace("_", " "), f"bold {_COLOURS.get(verdict, 'red')}")
    yield Text.assemble(badge, "  ", neutralised(" · ".join([str(one) for one in told if one])))
    for sentence in [*([str(facts.reply.error)] if facts.reply.error else []), *facts.reply.anomalies]:
        yield Text(neutralised(sentence), "red")
    yield Text()
    yield _numbers(facts)
    if facts.rate:
        yield Text()
        line = _spark([value for _, value in facts.rate], width)
        yield _labelled("speed", line, f"{facts.rate_unit} a second over time")
    if facts.histogram:
        yield Text()
        yield _histogram(facts, min(width, _BAR))
    yield Text()
    yield _timeline(facts)


def _numbers(facts: Facts) -> Table:
    usage = facts.reply.usage
    table = Table.grid(padding=(0, 2))
    speed = "–" if facts.per_second is None else f"{facts.per_second:,.1f} {facts.rate_unit} a second"
    tokens = "–" if usage.output_tokens is None else f"{usage.output_tokens:,}"
    share = f", {facts.n_content_bytes / facts.n_bytes:.0%} of them content" if facts.n_bytes else ""
    before = "" if facts.to_response is None else f"{seconds(facts.to_response)} to the response"
    stalled = sum(length for _, length in facts.stalls)
    rows = [
        ("first content", seconds(facts.to_first), before),
        ("in all", seconds(facts.total), f"{seconds(facts.generating)} of it content"),
        ("speed", speed, f"{tokens} tokens"),
        ("gaps", " ".join(f"{name} {seconds(value)}" for name, value in facts.percentiles.items()) or "–", ""),
        ("stalls", str(len(facts.stalls)), f"{seconds(stalled)} in all" if facts.stalls else ""),
        ("on the wire", f"{facts.n_bytes:,} bytes", f"{len(facts.reads):,} reads{share}"),
    ]
    for label, value, more in rows:
        table.add_row(Text(label, "dim"), Text(value, "bold"), Text(more, "dim"))
    return table


def _histogram(facts: Facts, width: int) -> Table:
    """Return how many gaps are how long, a bar of at most `width` cells for each bin that has any."""
    most = max(one.n for one in facts.histogram)
    table = Table.grid(padding=(0, 1))
    for one in facts.histogram:
        bar = "█" * round(one.n / most * width) or ("▏" if one.n else "")
        span = f"{seconds(one.low)}–{seconds(one.high)}"
        table.add_row(Text(span, "dim", justify="right"), Text(bar, "blue"), Text(f"{one.n:,}" if one.n else "", "dim"))
    return table


def _spark(values: list[float], width: int) -> str:
    """Return `values` as a line of blocks, at most `width` of them."""
    size = max(1, -(-len(values) // width))
    means = [sum(values[at : at + size]) / len(values[at : at + size]) for at in range(0, len(values), size)]
    top = max(means) or 1.0
    return "".join([_LEVELS[min(7, int(value / top * 8))] for value in means])


def _labelled(label: str, plot: str, words: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(label, "dim"), Text(plot, "blue"))
    table.add_row("", Text(words, "dim"))
    return table


def _timeline(facts: Facts) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    for entry in facts.timeline:
        style = "red" if entry.is_trouble else ""
        detail = Text(neutralised(entry.detail), style or "dim")
        table.add_row(Text(f"{entry.at:9.3f} s", "dim"), Text(neutralised(entry.what), style), detail)
    return table
