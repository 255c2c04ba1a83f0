"""Line charts as inline SVG, drawn here.

Not matplotlib: it is an optional extra, and a plain installation must give a whole report. And an inline SVG takes
its colours and its font from the page, so the chart follows light and dark mode, stays sharp, and its text can be
searched and read aloud.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 14, 38  # room for labels around the plot


class Line(NamedTuple):
    """A line of a chart: values of epochs 1, 2, ... (NaN and infinity are gaps); style 0..2 picks colour and dashes."""

    name: str
    values: Sequence[float]
    style: int


def line_chart(
    title: str, lines: Sequence[Line], marked: int | None = None, limits: tuple[float, float] | None = None
) -> str:
    """A chart over epochs as an ``<svg>`` element.

    marked : an epoch to mark with a vertical line (the best one)
    limits : bottom and top of the value axis; by default the values decide
    """
    epochs = max((len(line.values) for line in lines), default=0)
    finite = [v for line in lines for v in line.values if math.isfinite(v)]
    if not finite:
        return '<p class="empty">Nothing to draw yet: no epoch was completed.</p>'
    low, high = limits or (min(0.0, *finite), max(finite))
    ticks = _ticks(low, high, 5)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def x(epoch: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((epoch - 1) / (epochs - 1) if epochs > 1 else 0.5)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / ((high - low) or 1))

    spoken = escape(_spoken(title, lines), quote=True)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{spoken}">',
        f"<title>{escape(title)}</title>",
    ]
    for value in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for epoch in sorted({round(t) for t in _ticks(1, epochs, 8) if 1 <= round(t) <= epochs} | {1, epochs}):
        if epoch == 1 or epoch == epochs or (x(epoch) - x(1) > 24 and x(epochs) - x(epoch) > 24):
            parts.append(f'<text x="{x(epoch):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 4}" text-anchor="middle">epoch</text>')
    if marked is not None and 1 <= marked <= epochs:
        parts.append(
            f'<line class="marked" x1="{x(marked):.1f}" x2="{x(marked):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        )
        end = x(marked) > WIDTH / 2
        parts.append(
            f'<text class="note" x="{x(marked) + (-5 if end else 5):.1f}" y="{HEIGHT - BOTTOM - 6}" '
            f'text-anchor="{"end" if end else "start"}">best</text>'
        )
    for line in lines:
        points = [(x(i + 1), y(v)) if math.isfinite(v) else None for i, v in enumerate(line.values)]
        parts.append(f'<path class="line s{line.style}" d="{_path(points)}"/>')
        # with few epochs each one gets a dot; a single epoch would otherwise be an invisible line
        if epochs <= 30:
            parts += [
                f'<circle class="dot s{line.style}" cx="{p[0]:.1f}" cy="{p[1]:.1f}" r="2.6"/>' for p in points if p
            ]
    parts.append("</svg>")
    return "".join(parts) + _legend(lines)


def _legend(lines: Sequence[Line]) -> str:
    items = []
    for line in lines:
        last = next((v for v in reversed(line.values) if math.isfinite(v)), math.nan)
        stroke = f'<path class="line s{line.style}" d="M0 4H28"/>'
        sample = f'<svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">{stroke}</svg>'
        items.append(f"<li>{sample} {escape(line.name)} <b>{last:.3f}</b></li>")
    return f'<ul class="key">{"".join(items)}</ul>'


def _spoken(title: str, lines: Sequence[Line]) -> str:
    """The chart in words, for those who cannot see it."""
    told = []
    for line in lines:
        values = [v for v in line.values if math.isfinite(v)]
        if values:
            told.append(f"{line.name} from {values[0]:.3f} to {values[-1]:.3f}")
    return f"{title}: {'; '.join(told)}"


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """Path data through the points; a gap starts a new piece."""
    data, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
        else:
            data.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
            pen = "L"
    return "".join(data)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """About ``count`` round numbers (1, 2 or 5 times a power of ten apart) that cover the range from low to high."""
    if not high > low:
        return [low, low + 1]
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
