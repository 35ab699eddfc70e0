"""Draw the facts: charts as SVG, which a page holds inline.

A chart is drawn in a fixed frame and scales with the page; its colours are the page's, by classes, so that they fit
light and dark. What a mark is worth stands in its ``<title>``, which a browser shows under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import accumulate

from .facts import Facts, Mark

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 34
LABEL = 28  # how wide the name of a percentile is
MAX_POINTS = 1_500
"""Bounds how many points a line has: a page is for eyes."""

KINDS = ("reasoning", "text", "tool")

Scale = Callable[[float], float]


def seconds(value: float | None) -> str:
    """Return a time for people: ``85 ms``, ``1.20 s``."""
    if value is None:
        return "–"
    if value < 0.0095:
        return f"{value * 1e3:.1f} ms"
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.2f} s"


def arrival(facts: Facts) -> str:
    """Draw how the content came in: characters over time, a layer for each kind, stalls behind it."""
    if not facts.marks:
        return ""
    start, end = _start(facts), _end(facts)
    total = sum(len(mark.text) for mark in facts.marks)
    x, y = _linear(start, end, LEFT, WIDTH - RIGHT), _linear(0, total, HEIGHT - BOTTOM, TOP)
    shades = "".join([_stall(x, at, length) for at, length in facts.stalls])
    layers, floor = [], [0.0] * len(facts.marks)
    for kind in KINDS:
        amounts = list(accumulate(len(mark.text) if mark.kind == kind else 0 for mark in facts.marks))
        if not amounts[-1] and not any(mark.kind == kind for mark in facts.marks):
            continue
        top = [below + amount for below, amount in zip(floor, amounts, strict=True)]
        layers.append(_layer(kind, facts.marks, floor, top, x, y))
        floor = top
    axes = _x_axis(x, start, end, "seconds") + _y_axis(y, total, "characters")
    return _svg("Characters received over time", axes + shades + "".join(reversed(layers)) + _flags(facts, x))


def speed(facts: Facts) -> str:
    """Draw the speed over time, and its mean."""
    if not facts.rate:
        return ""
    start, end = _start(facts), _end(facts)
    top = max(value for _, value in facts.rate) * 1.05 or 1
    x, y = _linear(start, end, LEFT, WIDTH - RIGHT), _linear(0, top, HEIGHT - BOTTOM, TOP)
    line = " ".join([f"{x(at):.1f},{y(value):.1f}" for at, value in facts.rate])
    first, last = x(facts.rate[0][0]), x(facts.rate[-1][0])
    area = f'<polygon class="area text" points="{first:.1f},{y(0):.1f} {line} {last:.1f},{y(0):.1f}"/>'
    mean = facts.per_second or 0
    label = f"{mean:,.1f} {facts.rate_unit} a second in all"
    dashes = (
        f'<line class="mean" x1="{first:.1f}" x2="{last:.1f}" y1="{y(mean):.1f}" y2="{y(mean):.1f}">'
        f"<title>{label}</title></line>"
    )
    drawn = f'{area}<polyline class="line text" points="{line}"/>{dashes}'
    axes = _x_axis(x, start, end, "seconds") + _y_axis(y, top, f"{facts.rate_unit} a second")
    return _svg("Speed over time", axes + drawn)


def gaps(facts: Facts) -> str:
    """Draw how many gaps are how long, on a logarithmic axis, with the percentiles."""
    if not facts.histogram:
        return ""
    low, high = facts.histogram[0].low / 1.5, facts.histogram[-1].high * 1.5
    top = max(one.n for one in facts.histogram)
    x, y = _logarithmic(low, high, LEFT, WIDTH - RIGHT), _linear(0, top, HEIGHT - BOTTOM, TOP + 12)
    bars = "".join([
        f'<rect class="bar" x="{x(one.low) + 1:.1f}" width="{x(one.high) - x(one.low) - 2:.1f}" '
        f'y="{y(one.n):.1f}" height="{y(0) - y(one.n):.1f}" rx="2">'
        f"<title>{one.n:,} gaps of {seconds(one.low)} to {seconds(one.high)}</title></rect>"
        for one in facts.histogram if one.n
    ])  # fmt: skip
    lines = _percentiles(facts, lambda value: x(max(value, low)))
    axes = _log_axis(x, low, high) + _y_axis(y, top, "gaps")
    return _svg("How long the gaps between content are", axes + bars + lines)


def wire(facts: Facts) -> str:
    """Draw the reads: when each came, and how many bytes it brought."""
    reads = [(at, size) for at, size in facts.reads if size]
    if not reads:
        return ""
    start, end = _start(facts), _end(facts)
    low, top = min(size for _, size in reads) / 2, max(size for _, size in reads) * 1.2
    x, y = _linear(start, end, LEFT, WIDTH - RIGHT), _logarithmic(low, top, HEIGHT - BOTTOM, TOP)
    kept = reads[:: max(1, len(reads) // MAX_POINTS)]
    stems = "".join([
        f'<line class="stem" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{y(low):.1f}" y2="{y(size):.1f}">'
        f"<title>{size:,} bytes at {at:.3f} s</title></line>"
        for at, size in kept
    ])  # fmt: skip
    ticks = [(y(value), _number(value)) for value in _decades(low, top, (1, 2, 5) if top / low < 50 else (1,))]
    axes = _x_axis(x, start, end, "seconds") + _ticks_beside(ticks, "bytes a read")
    return _svg("Bytes of each read over time", axes + stems)


# -- marks ------------------------------------------------------------------------------------------------------------


def _layer(kind: str, marks: Sequence[Mark], floor: list[float], top: list[float], x: Scale, y: Scale) -> str:
    """Draw one kind of content as steps, on top of the kinds before it."""
    step = max(1, len(marks) // MAX_POINTS)
    chosen = [*range(0, len(marks), step), len(marks) - 1]
    upper = _steps([(x(marks[at].at), y(top[at])) for at in chosen], y(0))
    lower = _steps([(x(marks[at].at), y(floor[at])) for at in chosen], y(0))
    area = " ".join([f"{a:.1f},{b:.1f}" for a, b in [*upper, *reversed(lower)]])
    line = " ".join([f"{a:.1f},{b:.1f}" for a, b in upper])
    n = int(top[-1] - floor[-1])
    title = f"<title>{kind}: {n:,} characters</title>"
    return (
        f'<polygon class="area {kind}" points="{area}">{title}</polygon><polyline class="line {kind}" points="{line}"/>'
    )


def _steps(points: list[tuple[float, float]], base: float) -> list[tuple[float, float]]:
    found, height = [], base
    for across, up in points:
        found += [(across, height), (across, up)]
        height = up
    return found


def _stall(x: Scale, at: float, length: float) -> str:
    place = f'x="{x(at):.1f}" y="{TOP}" width="{x(at + length) - x(at):.1f}" height="{HEIGHT - TOP - BOTTOM}"'
    return f'<rect class="stall" {place}><title>stall: {seconds(length)}</title></rect>'


def _flags(facts: Facts, x: Scale) -> str:
    wanted = {"response", "first bytes", "call begins"}
    return "".join(
        [_flag(x(entry.at), "", f"{entry.what} {entry.detail}") for entry in facts.timeline if entry.what in wanted]
    )


def _flag(across: float, label: str, title: str) -> str:
    side = 'text-anchor="end" dx="-3"' if across > WIDTH - 80 else 'dx="3"'
    word = f'<text class="flag" x="{across:.1f}" y="{TOP + 7}" {side}>{escape(label)}</text>' if label else ""
    line = f'<line class="flag" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
    return f"{line}<title>{escape(title)}</title></line>{word}"


def _percentiles(facts: Facts, x: Scale) -> str:
    """Flag the percentiles; those that stand too near to each other share a label."""
    places = [(x(facts.percentiles[name]), name) for name in ("p50", "p95", "p99")]
    flags, names = [], []
    for (across, name), (following, _) in zip(places, [*places[1:], (math.inf, "")], strict=True):
        names.append(name)
        is_apart = following - across > LABEL
        flags.append(_flag(across, ", ".join(names) if is_apart else "", seconds(facts.percentiles[name])))
        names = [] if is_apart else names
    return "".join(flags)


# -- axes -------------------------------------------------------------------------------------------------------------


def _svg(title: str, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{content}</svg>'


def _x_axis(x: Scale, start: float, end: float, unit: str) -> str:
    return _ticks_below([(x(at), _number(at)) for at in _ticks(start, end, 8)], unit)


def _log_axis(x: Scale, low: float, high: float) -> str:
    factors = (1, 2, 5) if high / low < 2_000 else (1,)
    return _ticks_below([(x(value), seconds(value)) for value in _decades(low, high, factors)], "")


def _decades(low: float, high: float, factors: tuple[int, ...]) -> list[float]:
    """Return the round numbers of a logarithmic axis."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**decade for decade in decades for factor in factors]
    return [value for value in values if low <= value <= high]


def _ticks_below(ticks: Iterable[tuple[float, str]], unit: str) -> str:
    base = HEIGHT - BOTTOM
    words = [
        f'<text class="tick" x="{across:.1f}" y="{base + 15}" text-anchor="middle">{label}</text>'
        for across, label in ticks
    ]
    name = f'<text class="unit" x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">{unit}</text>' if unit else ""
    return f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{"".join(words)}{name}'


def _y_axis(y: Scale, top: float, unit: str) -> str:
    return _ticks_beside([(y(at), _number(at)) for at in _ticks(0, top, 4)], unit)


def _ticks_beside(ticks: Iterable[tuple[float, str]], unit: str) -> str:
    lines = "".join([
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}"/>'
        f'<text class="tick" x="{LEFT - 7}" y="{up + 4:.1f}" text-anchor="end">{label}</text>'
        for up, label in ticks
    ])  # fmt: skip
    return f'{lines}<text class="unit" x="{LEFT + 4}" y="{TOP - 3}">{unit}</text>'


def _ticks(low: float, high: float, n: int) -> list[float]:
    """Return about `n` round numbers between `low` and `high`."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [at * step for at in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    scale = _linear(math.log10(low), math.log10(high), start, end)
    return lambda value: scale(math.log10(value))


def _start(facts: Facts) -> float:
    return facts.timeline[0].at if facts.timeline else 0.0


def _end(facts: Facts) -> float:
    return max(facts.timeline[-1].at if facts.timeline else 0.0, _start(facts) + 1e-3)
