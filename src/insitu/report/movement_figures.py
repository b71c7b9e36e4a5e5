"""Figures of one movement as inline SVG: the hand's path, velocities, spikes, learning signals; and the moving arm.

They show how the learner on devices fares with the movement whose error is the median of a session. Colours come from
the page, so they follow light and dark.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.report import formatting
from insitu.report.charts import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, apart, steps
from insitu.report.document import Report
from insitu.report.robot_gif import animated
from insitu.scenarios.robot_arm import kinematics

NOTE = (
    "Of the movements of the first session, the one whose error after the showing is the median; all but where another "
    "is named is the learner on devices."
)
TALL = 383  # of the figure beside the moving arm, which is as much higher than wide
NETWORK = (1.0, "milliseconds of the network")  # its steps
LARGEST_GIF = 400 * 1024  # bytes, that a page holds within
LEVELS = 6  # of a signal's strength, to either side
ELEVATION = np.radians(24)  # of the eye
Array = NDArray[np.floating]


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return title, note and drawing of each; none where the report has no movement."""
    held = report.get("example")
    if not held:
        return []
    _, name = formatting.names(report)
    moving = b64encode(gif(report)).decode()
    shown = []
    if len(moving) <= LARGEST_GIF * 4 / 3:
        picture = (
            f'<img src="data:image/gif;base64,{moving}" width="480" height="400" alt="The arm makes the movement">'
        )
        shown.append(("The arm", f"after one showing, {formatting.within(name)}, as fast as it would move", picture))
    shown.append(("Where the hand goes", "after one showing; target dotted", _paths(report)))
    for number, joint in enumerate(("base", "shoulder")):
        title = f"Velocity of the {joint}"
        shown.append((title, "rad/s; target dotted", _velocities(report, number, title)))
    shown.append(("Spikes", "a row per neuron of the network that moves the arm", _raster(report)))
    shown.append(
        ("Learning signals", "what the second network told some of the neurons, weakest sum first", _signals(held))
    )
    return shown


def gif(report: Report) -> bytes:
    """Return the arm as an animated picture: what the learner makes of the movement after one showing."""
    held = report["example"]
    target, made = (np.array(each).T for each in (held["target"], held["learner"]["after"]))
    return animated(kinematics.path(target), kinematics.path(made), kinematics.clipped(kinematics.angles_of(made)))


def _paths(report: Report) -> str:
    """Draw the paths of the hand from aside, over their shadows on the floor."""
    held, (first, second) = report["example"], formatting.names(report)
    lines = [("baseline", "target", held["target"]), ("third", first, held["baseline"]["after"])]
    lines.append(("learner", second, held["learner"]["after"]))
    paths = [kinematics.path(np.array(velocities).T) for _, _, velocities in lines]
    middle = paths[0].mean(0)
    turn = np.arctan2(middle[1], middle[0]) - np.radians(42)
    across = np.array([-np.sin(turn), np.cos(turn), 0])
    down = np.array([np.cos(turn) * np.sin(ELEVATION), np.sin(turn) * np.sin(ELEVATION), -np.cos(ELEVATION)])
    whole = np.concatenate(paths)
    floor = float(np.floor(whole[:, 2].min() * 10 - 0.5) / 10)
    ground = (1, 1, 0)
    low, high = (np.array(edge) for edge in (whole.min(0), whole.max(0)))
    x_lines, y_lines = (_grid(low[axis], high[axis]) for axis in (0, 1))
    corners = np.array([(x, y, floor) for x in x_lines[[0, -1]] for y in y_lines[[0, -1]]])
    flat = np.concatenate([whole, corners]) @ np.stack([across, down]).T
    room = np.array([WIDTH - 40, TALL - 64])
    scale = float((room / np.ptp(flat, axis=0)).min())
    shift = np.array([WIDTH, TALL - 24]) / 2 - (flat.min(0) + flat.max(0)) / 2 * scale

    def seen(points: Array) -> str:
        return _line(points @ np.stack([across, down]).T * scale + shift)

    title = f"Paths of the hand: target, {first}, {second}"
    ends = [[(x, y_lines[0]), (x, y_lines[-1])] for x in x_lines] + [
        [(x_lines[0], y), (x_lines[-1], y)] for y in y_lines
    ]
    out = [_opening(title, TALL)]
    out += [f'<path class="grid" d="{seen(np.array([(*at, floor) for at in pair]))}"/>' for pair in ends]
    for path in paths[::2]:
        shadow = path * ground + (0, 0, floor)
        out.append(f'<path d="{seen(shadow)}" style="fill: none; stroke: var(--rule); stroke-width: 1.5"/>')
    for (style, words, _), path in zip(lines, paths, strict=True):
        width = {"learner": 2.4, "third": 1.6, "baseline": 2}[style]
        out.append(
            f'<g class="{style}"><path class="line" style="stroke-width: {width}" d="{seen(path)}">'
            f"<title>{escape(words)}</title></path></g>"
        )
    for place, words in ((0, "start"), (-1, "end")):
        x, y = paths[0][place] @ np.stack([across, down]).T * scale + shift
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" style="fill: var(--ink)"/>')
        out.append(f'<text class="tick" x="{x + 8:.1f}" y="{y + 14:.1f}">{words}</text>')
    x = 4.0
    for style, words, _ in lines:
        out.append(f'<text class="label {style}" x="{x:.1f}" y="{TALL - 8}">{escape(words)}</text>')
        x += 7.2 * len(words) + 18
    out.append(f'<text class="tick" x="{WIDTH - 4}" y="{TALL - 8}" text-anchor="end">grid of 10 cm</text>')
    return "\n".join([*out, "</svg>"])


def _grid(low: float, high: float) -> Array:
    """Return multiples of .1 m that hold low..high."""
    return np.arange(np.floor(low * 10), np.ceil(high * 10) + 1) / 10


def _velocities(report: Report, joint: int, title: str) -> str:
    held, (_, name) = report["example"], formatting.names(report)
    device = held["learner"]
    lines = [
        ("novel", "before", device["before"][joint]),
        ("learner", "after", device["after"][joint]),
        ("baseline", "target", held["target"][joint]),
    ]
    length = len(lines[0][2])
    right = WIDTH - 20 - 7 * len("target")
    every = [value for _, _, values in lines for value in values]
    grid = steps(min(every), max(every))

    def x(step: float) -> float:
        return LEFT + (right - LEFT) * step / (length - 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - grid[0]) / (grid[-1] - grid[0]))

    out = [_opening(f"{title}, {name}"), *_time(length, x, kinematics.STEP_S, "seconds")]
    for value in grid:
        label = f"{value:g}".replace("-", "\u2212")
        kind = "grid zero" if value == 0 else "grid"
        out.append(f'<path class="{kind}" d="M{LEFT} {y(value):.1f}H{right}"/>')
        out.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    for style, words, values in lines:
        drawn = _line(np.array([(x(step), y(value)) for step, value in enumerate(values)]))
        out.append(f'<g class="{style}"><path class="line" d="{drawn}"><title>{words}</title></path></g>')
    ends = apart([y(values[-1]) for _, _, values in lines])
    for (style, words, _), end in zip(lines, ends, strict=True):
        out.append(f'<text class="label {style}" x="{right + 4}" y="{end + 4:.1f}">{words}</text>')
    return "\n".join([*out, "</svg>"])


def _raster(report: Report) -> str:
    """Draw when each neuron fires, before the showing above and after it below."""
    spikes, length = report["example"]["spikes"], len(report["example"]["target"][0])
    left, right = LEFT + 22, WIDTH - 12
    high = (HEIGHT - TOP - BOTTOM - 14) / 2

    def x(step: float) -> float:
        return left + (right - left) * step / length

    out = [_opening("Spikes before the showing and after it"), *_time(length, x, *NETWORK)]
    for number, (step, style) in enumerate((("before", "novel"), ("after", "learner"))):
        top, neurons = TOP + number * (high + 14), spikes[step]
        row = high / len(neurons)
        marks = "".join(
            f"M{x(time):.1f} {top + row * neuron:.1f}v{max(row, 1.3):.1f}"
            for neuron, times in enumerate(neurons)
            for time in times
        )
        frame = f'x="{left}" y="{top:.1f}" width="{right - left}" height="{high:.1f}"'
        out.append(f'<rect {frame} style="fill: none; stroke: var(--faint)"/>')
        out.append(f'<path d="{marks}" style="fill: none; stroke: var(--{style}); stroke-width: 1.3"/>')
        middle = top + high / 2
        turned = f'transform="rotate(-90 {left - 12} {middle:.1f})" x="{left - 12}" y="{middle:.1f}"'
        out.append(f'<text class="label {style}" {turned} text-anchor="middle">{step}</text>')
    return "\n".join([*out, "</svg>"])


def _signals(held: dict[str, Any]) -> str:
    """Draw how strong the signal of each neuron is: runs of one strength are one stroke."""
    strength = np.rint(np.clip(np.array(held["signals"]) * LEVELS * 1.6, -LEVELS, LEVELS)).astype(int)
    left, right, length = LEFT + 22, WIDTH - 12, len(held["target"][0])
    row, column = (HEIGHT - TOP - BOTTOM) / len(strength), (right - left) / strength.shape[1]
    drawn: dict[int, list[str]] = {}
    for number, values in enumerate(strength):
        edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
        for start, stop in zip(edges[:-1], edges[1:], strict=True):
            y = TOP + row * (number + 0.5)
            stroke = f"M{left + column * start:.1f} {y:.1f}h{column * (stop - start):.1f}"
            drawn.setdefault(int(values[start]), []).append(stroke)
    out = [_opening("Learning signals of some neurons over time")]
    for level, strokes in sorted(drawn.items()):
        if level:
            style = f"stroke: var(--{'device' if level > 0 else 'novel'}); stroke-opacity: {abs(level) / LEVELS:.2f}"
            out.append(f'<path d="{"".join(strokes)}" style="fill: none; {style}; stroke-width: {row + 0.15:.2f}"/>')
    frame = f'x="{left}" y="{TOP}" width="{right - left}" height="{HEIGHT - TOP - BOTTOM}"'
    out.append(f'<rect {frame} style="fill: none; stroke: var(--faint)"/>')
    out += _time(length, lambda step: left + (right - left) * step / length, *NETWORK)
    for words, style, y in (("less", "novel", TOP + 0.25), ("more", "learner", HEIGHT - BOTTOM - 0.25)):
        place = (y * 3 + (HEIGHT - BOTTOM + TOP) / 2) / 4
        turned = f'transform="rotate(-90 {left - 12} {place:.1f})" x="{left - 12}" y="{place:.1f}"'
        out.append(f'<text class="label {style}" {turned} text-anchor="middle">{words}</text>')
    return "\n".join([*out, "</svg>"])


def _time(length: int, x: Any, step_s: float, words: str) -> list[str]:
    """Return the ticks of the axis of time, every 50 steps, and what they are."""
    middle = (x(0) + x(length)) / 2
    at = [(x(step), 18, f"{step * step_s:g}") for step in range(0, length + 1, 50)] + [(middle, BOTTOM - 8, words)]
    place = '<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>'
    return [place.format(left, HEIGHT - BOTTOM + below, label) for left, below, label in at]


def _opening(title: str, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'


def _line(points: Array) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
