"""A table of percentages as inline SVG: the accuracy matrix of a stream, the sweep over two fields."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from insitu.report.charts import BOTTOM, HEIGHT, TOP, WIDTH

LEFT, RIGHT, GAP = 62, 12, 2
LEGIBLE = 13  # columns up to which cells hold their numbers
DEEPEST = 0.52  # opacity at 100 percent, which leaves the ink on it legible, in light and in dark


@dataclass(frozen=True)
class Axis:
    """What rows or columns are: the axis in words, the word for one of them, and their names."""

    words: str
    one: str
    ticks: list[str]


def heat(
    title: str,
    style: str,
    matrix: list[list[float | None]],
    rows: Axis,
    columns: Axis,
    span: tuple[float, float] = (0.0, 100.0),
    digits: int = 0,
) -> str:
    """Return an SVG of ``matrix`` (percent, None where not tested), cells written with ``digits``.

    ``style`` is the colour's name in the page's style sheet; the deeper, the higher in ``span``.
    """
    after, on = rows.ticks, columns.ticks
    wide, high = (WIDTH - LEFT - RIGHT) / len(on), (HEIGHT - TOP - BOTTOM) / len(after)
    gap = GAP if min(wide, high) > 4 * GAP else 0
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            if value is None:
                continue
            x, y = LEFT + column * wide, TOP + row * high
            hint = f"{rows.one} {after[row]}, {columns.one} {on[column]}: {value:.1f} %"
            depth = (value - span[0]) / ((span[1] - span[0]) or 1)
            fill = f"fill: var(--{style}); fill-opacity: {0.03 + (DEEPEST - 0.03) * depth:.3f}"
            box = f'x="{x:.1f}" y="{y:.1f}" width="{wide - gap:.1f}" height="{high - gap:.1f}" rx="{gap}"'
            out.append(f'<rect {box} style="{fill}"><title>{escape(hint)}</title></rect>')
            if len(on) <= (LEGIBLE if digits == 0 else LEGIBLE - 3) and high >= 14:
                place = f'x="{x + (wide - gap) / 2:.1f}" y="{y + (high - gap) / 2 + 4:.1f}" text-anchor="middle"'
                out.append(f'<text {place} style="fill: var(--ink); pointer-events: none">{value:.{digits}f}</text>')
    for row in range(0, len(after), -(-len(after) // 12)):
        y = TOP + (row + 0.5) * high - gap / 2 + 4
        out.append(f'<text class="tick" x="{LEFT - 8}" y="{y:.1f}" text-anchor="end">{escape(after[row])}</text>')
    for column in range(0, len(on), -(-len(on) // 16)):
        place = f'x="{LEFT + (column + 0.5) * wide - gap / 2:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle"'
        out.append(f'<text class="tick" {place}>{escape(on[column])}</text>')
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    turned = f'transform="rotate(-90 14 {middle})" x="14" y="{middle}" text-anchor="middle"'
    out.append(f'<text class="tick" {turned}>{escape(rows.words)}</text>')
    below = f'x="{LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle"'
    out.append(f'<text class="tick" {below}>{escape(columns.words)}</text>')
    return "\n".join([*out, "</svg>"])
