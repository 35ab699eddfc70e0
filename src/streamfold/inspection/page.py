"""Show the facts as one page that holds all it needs: no script, no network, nothing of the model's that could run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from ..recordings.source import Recording
from .charts import arrival, gaps, seconds, speed, wire
from .facts import Facts

MAX_TINTED_MARKS = 20_000
"""Bounds how many pieces of content the page tints one by one; the rest is shown plain."""

_GOOD = {"complete", "stopped", "tool_calls"}
_SLOW = ((4.0, "g3"), (2.0, "g2"), (1.3, "g1"))


def page(facts: Facts, recording: Recording, name: str) -> str:
    """Return the page, as HTML."""
    style = files("streamfold.inspection").joinpath("page.css").read_text("utf-8")
    body = "".join([
        _header(facts, recording, name),
        _tiles(facts),
        _chart("How it came in", arrival(facts), _legend(facts)),
        _chart("How fast", speed(facts), _spread(facts)),
        _chart("How long the gaps are", gaps(facts), _percentiles(facts)),
        _chart("On the wire", wire(facts), _wire_words(facts)),
        _reply(facts),
        _calls(facts),
        _timeline(facts),
    ])  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="color-scheme" content="light dark"><title>{escape(name)} – streamfold</title>'
        f"<style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )


def _header(facts: Facts, recording: Recording, name: str) -> str:
    verdict = str(facts.reply.verdict)
    kind = "good" if verdict in _GOOD else "short" if verdict in {"length", "cancelled"} else "bad"
    told = [facts.reply.model, facts.reply.dialect, recording.head.get("created"), recording.head.get("by")]
    if facts.attempts > 1:
        told.append(f"{facts.attempts} attempts")
    line = " · ".join([escape(str(one)) for one in told if one])
    trouble = [str(facts.reply.error)] if facts.reply.error else []
    notes = "".join([f'<p class="trouble">{escape(one)}</p>' for one in [*trouble, *facts.reply.anomalies]])
    badge = f'<span class="verdict {kind}">{escape(verdict.replace("_", " "))}</span>'
    return f"<header><h1>{escape(name)} {badge}</h1><p>{line}</p>{notes}</header>"


def _tiles(facts: Facts) -> str:
    usage = facts.reply.usage
    speed_ = "–" if facts.per_second is None else f"{facts.per_second:,.1f}"
    tiles = [
        ("to the first content", seconds(facts.to_first), _before_first(facts)),
        ("in all", seconds(facts.total), f"{seconds(facts.generating)} of it content"),
        (f"{facts.rate_unit} a second", speed_, ""),
        ("tokens", _count(usage.output_tokens), f"{_count(usage.input_tokens)} in the prompt"),
        ("longest gap", seconds(facts.percentiles.get("max")), f"median {seconds(facts.percentiles.get('p50'))}"),
        ("stalls", str(len(facts.stalls)), seconds(sum(length for _, length in facts.stalls)) if facts.stalls else ""),
    ]
    cells = "".join(
        [f"<div><b>{value}</b><span>{label}</span><small>{more}</small></div>" for label, value, more in tiles]
    )
    return f'<section class="tiles">{cells}</section>'


def _before_first(facts: Facts) -> str:
    return "" if facts.to_response is None else f"{seconds(facts.to_response)} to the response"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _chart(title: str, chart: str, words: str) -> str:
    return f"<section><h2>{title}</h2>{chart}<p class='words'>{words}</p></section>" if chart else ""


def _legend(facts: Facts) -> str:
    kinds = sorted({mark.kind for mark in facts.marks}, reverse=True)
    keys = [f'<span class="key {kind}"></span>{"arguments of tools" if kind == "tool" else kind}' for kind in kinds]
    return " ".join(keys + (['<span class="key stall"></span>stall'] if facts.stalls else []))


def _spread(facts: Facts) -> str:
    spread = "; tokens are spread over the characters, as providers count them only in all"
    return f"the dashed line is the mean{spread if facts.rate_unit == 'tokens' else ''}"


def _percentiles(facts: Facts) -> str:
    return " · ".join([f"{name} {seconds(value)}" for name, value in facts.percentiles.items()])


def _wire_words(facts: Facts) -> str:
    share = f", {facts.n_content_bytes / facts.n_bytes:.0%} of them content" if facts.n_bytes else ""
    return f"{facts.n_bytes:,} bytes in {len(facts.reads):,} reads{share}"


def _reply(facts: Facts) -> str:
    """Show the content, each piece tinted by how long the reader waited for it."""
    median = facts.percentiles.get("p50") or 0.0
    words = [
        (mark.kind, _tinted(mark.text, mark.gap if place < MAX_TINTED_MARKS else None, median))
        for place, mark in enumerate(facts.marks)
        if mark.kind != "tool"
    ]
    if not words:
        return ""
    blocks: list[tuple[str, list[str]]] = []
    for kind, word in words:
        if not blocks or blocks[-1][0] != kind:
            blocks.append((kind, []))
        blocks[-1][1].append(word)
    shown = "".join([f'<div class="said {kind}">{"".join(pieces)}</div>' for kind, pieces in blocks])
    note = "the darker the ground, the longer the reader waited for the piece"
    return f"<section><h2>The reply</h2>{shown}<p class='words'>{note}</p></section>"


def _tinted(text: str, gap: float | None, median: float) -> str:
    words = escape(text)
    shade = next((name for times, name in _SLOW if gap and median and gap >= times * median), None)
    return words if shade is None else f'<mark class="{shade}" title="after {seconds(gap)}">{words}</mark>'


def _calls(facts: Facts) -> str:
    if not facts.calls:
        return ""
    rows = [
        (call.call.name, seconds(call.ended_at - call.started_at), _arguments(call.call.arguments), call.call.complete)
        for call in facts.calls
    ]
    cells = "".join([
        f"<tr><td><code>{escape(name)}</code></td><td>{'whole' if whole else '<em>incomplete</em>'}</td><td>{took}</td>"
        f"<td><pre>{escape(arguments)}</pre></td></tr>"
        for name, took, arguments, whole in rows
    ])  # fmt: skip
    return f"<section><h2>Tool calls</h2><table>{cells}</table></section>"


def _arguments(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def _timeline(facts: Facts) -> str:
    return f"<section><h2>Timeline</h2><table class='timeline'>{''.join(_rows(facts))}</table></section>"


def _rows(facts: Facts) -> Iterable[str]:
    for entry in facts.timeline:
        kind = ' class="trouble"' if entry.is_trouble else ""
        yield f"<tr{kind}><td>{entry.at:.3f} s</td><td>{escape(entry.what)}</td><td>{escape(entry.detail)}</td></tr>"
