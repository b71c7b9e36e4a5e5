"""Line charts as inline SVG, drawn by hand: their colours come from the page, so they follow light and dark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from insitu.report.intervals import Stat

WIDTH, HEIGHT = 460, 300
LEFT, TOP, BOTTOM = 38, 14, 46
TICKS = 16  # at most, on an axis
LINE_HEIGHT = 15  # least distance of two labels at the ends of lines


@dataclass(frozen=True)
class Line:
    """One line with the intervals around it; ``style`` is a class of the page's style sheet."""

    label: str
    style: str
    values: list[Stat | None]  # per position; None leaves a gap


def chart(title: str, lines: list[Line], ticks: list[str], below: str, from_zero: bool = False) -> str:
    """Return an SVG of ``lines`` over the positions called ``ticks``, labelled at their right ends.

    The interval is a band; with ``from_zero``, where lines cross, it is a whisker at each point.
    """
    lines = [line for line in lines if any(line.values)]
    right = WIDTH - 20 - 7 * max((len(line.label) for line in lines), default=0)
    known = [value for line in lines for value in line.values if value]
    if not known:
        return ""
    low = min(min(_ends(v)[0] for v in known), 0 if from_zero else math.inf)
    high = max(max(_ends(v)[1] for v in known), 0 if from_zero else -math.inf)
    grid = steps(low, high)
    bottom, top = min(grid[0], low), max(grid[-1], high)

    def x(position: int) -> float:
        return LEFT + (right - LEFT) * (position + 0.5) / len(ticks)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - bottom) / (top - bottom))

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for value in grid:
        kind = "grid zero" if value == 0 and bottom < 0 else "grid"
        label = f"{value:g}".replace("-", "\u2212")
        out.append(f'<path class="{kind}" d="M{LEFT} {y(value):.1f}H{right}"/>')
        out.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    for position in range(0, len(ticks), -(-len(ticks) // TICKS)):
        place = f'x="{x(position):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle"'
        out.append(f'<text class="tick" {place}>{escape(ticks[position])}</text>')
    middle = (LEFT + right) / 2
    out.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(below)}</text>')
    for number, line in enumerate(lines):
        beside = 5 * (number - (len(lines) - 1) / 2) if from_zero else 0
        points = [(x(i) + beside, v) for i, v in enumerate(line.values) if v]
        out.append(f'<g class="{line.style}">')
        if from_zero:
            reach = [(px, *_ends(v)) for px, v in points]
            whiskers = "".join(f"M{px:.1f} {y(low):.1f}V{y(high):.1f}" for px, low, high in reach)
            out.append(f'<path class="whisker" d="{whiskers}"/>')
        elif any(_ends(v)[0] != _ends(v)[1] for _, v in points):
            upper = [f"{px:.1f} {y(_ends(v)[1]):.1f}" for px, v in points]
            lower = [f"{px:.1f} {y(_ends(v)[0]):.1f}" for px, v in reversed(points)]
            outline = "L".join(upper + lower)
            out.append(f'<path class="band" d="M{outline}Z"/>')
        middles = "L".join(f"{px:.1f} {y(v['median']):.1f}" for px, v in points)
        out.append(f'<path class="line" d="M{middles}"/>')
        for px, v in points:
            hint = f"{line.label}: {v['median']:.2f}"
            hint += "" if v["low"] is None else f" ({v['low']:.2f} to {v['high']:.2f})"
            height = y(v["median"])
            dot = f'cx="{px:.1f}" cy="{height:.1f}" r="2.6"'
            out.append(f"<circle {dot}><title>{escape(hint)}</title></circle>")
        out.append("</g>")
    ends = [y(next(v for v in reversed(line.values) if v)["median"]) for line in lines]
    for line, end in zip(lines, apart(ends), strict=True):
        at = f'x="{right + 4}" y="{end + 4:.1f}"'
        out.append(f'<text class="label {line.style}" {at}>{escape(line.label)}</text>')
    return "\n".join([*out, "</svg>"])


def _ends(value: Stat) -> tuple[float, float]:
    """Return the ends of the interval, the median twice where there is none."""
    low, high = value["low"], value["high"]
    return value["median"] if low is None else low, value["median"] if high is None else high


def steps(low: float, high: float) -> list[float]:
    """Return about five round numbers that span low..high."""
    span = max(high - low, 1e-9)
    if span < 0.5:
        low, span = low - 0.25, span + 0.5
    raw = span / 4
    scale = 10 ** math.floor(math.log10(raw))
    step = next(s * scale for s in (1, 2, 2.5, 5, 10) if s * scale >= raw)
    first, last = math.floor(low / step), math.ceil((low + span) / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def apart(places: list[float]) -> list[float]:
    """Move labels apart until none overlaps its neighbour, keeping their order and, as a group, their middle."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [places[i] for i in order]
    for _ in range(50):
        for i in range(len(moved) - 1):
            short = LINE_HEIGHT - (moved[i + 1] - moved[i])
            if short > 0:
                moved[i] -= short / 2
                moved[i + 1] += short / 2
    # what would leave the frame is moved back, and pushes its neighbours
    low, high = TOP, max(HEIGHT - BOTTOM, TOP + LINE_HEIGHT * (len(moved) - 1))
    for i, place in enumerate(moved):
        moved[i] = max(place, low if i == 0 else moved[i - 1] + LINE_HEIGHT)
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], high if i == len(moved) - 1 else moved[i + 1] - LINE_HEIGHT)
    out = list(places)
    for place, i in zip(moved, order, strict=True):
        out[i] = place
    return out
