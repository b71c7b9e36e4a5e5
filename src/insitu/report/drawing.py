"""Pictures of a report: line charts and heat maps drawn by matplotlib, as inline SVG or as SVG and PNG files.

Colours are those of the page's style sheet. Inline they are written as its variables, so that they follow light and
dark; files have those of light.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.core import InsituError, read_text, write_whole
from insitu.report.intervals import Stat
from insitu.report.table import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

STYLE = Path(__file__).with_name("html_page.css")
WIDTH, HEIGHT = 460, 300  # of a figure, in points
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 46  # margins of its axes
HEAD = 48  # room for title and note of a figure in a file
HUES = ("novel", "third", "fourth", "fifth")  # colours of what is shown besides baseline and learner
FONT = 11.5  # points, as the style sheet has for inline figures
LINE_HEIGHT = 15  # least distance of two labels at the ends of lines
TICKS = 16  # labels of an axis, at most
FORMATS = (".svg", ".png")


@dataclass(frozen=True)
class Line:
    """One line with the intervals around it; ``style`` is a colour of the style sheet, dotted with ``-float``."""

    label: str
    style: str
    values: Sequence[Stat | None]  # per position; None leaves a gap

    @property
    def hue(self) -> str:
        """The colour's name."""
        return self.style.removesuffix("-float")


@dataclass(frozen=True)
class Axis:
    """What rows or columns of a heat map are, and their names."""

    title: str
    ticks: list[str]


@cache
def colours() -> dict[str, str]:
    """Return the colours of the light page by name."""
    return dict(re.findall(r"--([\w-]+): (#\w{6})", read_text(STYLE).partition("}")[0]))


def lines(given: list[Line], ticks: list[str], below: str, whiskers: bool = False) -> Callable[[Axes], None]:
    """Draw lines over the positions called ``ticks``, labelled at their right ends, with bands or ``whiskers``."""
    shown = [line for line in given if any(line.values)]

    def draw(axes: Axes) -> None:
        for number, line in enumerate(shown):
            shift = 0.05 * (number - (len(shown) - 1) / 2) if whiskers else 0
            points = [(x + shift, v["median"], v["low"], v["high"]) for x, v in enumerate(line.values) if v]
            x, y = [point[0] for point in points], [point[1] for point in points]
            low, high = ([point[1] if point[end] is None else point[end] for point in points] for end in (2, 3))
            dotted = line.style != line.hue or line.hue == "baseline"
            if whiskers:
                axes.vlines(x, low, high, colours()[line.hue], alpha=0.45, linewidth=1.5)  # type: ignore[arg-type]
                axes.axhline(0, color=colours()["soft"], linewidth=1, zorder=0)
            else:
                alpha = 0.08 if dotted else 0.16
                axes.fill_between(x, low, high, color=colours()[line.hue], alpha=alpha, linewidth=0)  # type: ignore[arg-type]
            stroke(axes, (x, y), line.hue, dotted=dotted, marker="" if dotted else "o", markersize=5)
        axes.set_xlim(-0.5, len(ticks) - 0.5)
        some = range(0, len(ticks), -(-len(ticks) // TICKS))
        axes.set_xticks(list(some), [ticks[place] for place in some])
        axes.set_xlabel(below)
        last = [next(value["median"] for value in reversed(line.values) if value) for line in shown]
        label_ends(axes, [(line.label, line.hue, end) for line, end in zip(shown, last, strict=True)])

    return draw


def stroke(axes: Axes, points: Any, hue: str, width: float = 2.0, dotted: bool = False, **more: Any) -> None:
    """Draw one line through points (2, n)."""
    axes.plot(*points, color=colours()[hue], linewidth=width, linestyle=(0, (1, 2.5)) if dotted else "-", **more)


def label_ends(axes: Axes, ends: list[tuple[str, str, float]]) -> None:
    """Write labels to the right of the axes at the heights where their lines end, kept apart and within."""
    canvas, box = axes.figure.get_size_inches() * 72, axes.get_position()  # type: ignore[union-attr]
    wide, tall = box.width * canvas[0] - 7 * max(len(label) for label, _, _ in ends), box.height * canvas[1]
    axes.set_position((box.x0, box.y0, wide / canvas[0], box.height))
    low, high = axes.get_ylim()
    places = spread([tall * (value - low) / (high - low) for _, _, value in ends], tall)
    for (label, hue, _), place in zip(ends, places, strict=True):
        axes.text(1 + 5 / wide, place / tall, label, va="center", color=colours()[hue], transform=axes.transAxes)


def spread(places: list[float], top: float) -> list[float]:
    """Move labels apart until none overlaps its neighbour, within 0..top, keeping their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    out = list(places)
    floor = 0.0
    for i in order:
        out[i] = max(out[i], floor)
        floor = out[i] + LINE_HEIGHT
    for i in reversed(order):
        out[i] = min(out[i], top)
        top = out[i] - LINE_HEIGHT
    return out


def heat_map(
    matrix: Sequence[Sequence[float | None]],
    hue: str,
    rows: Axis,
    columns: Axis,
    span: tuple[float, float],
    digits: int = 0,
) -> Callable[[Axes], None]:
    """Draw ``matrix`` (None where not measured) in one colour, the deeper, the higher in ``span``."""

    def draw(axes: Axes) -> None:
        legible = len(columns.ticks) <= (13 if digits == 0 else 10) and len(rows.ticks) <= 17
        cells = [(x, y, value) for y, row in enumerate(matrix) for x, value in enumerate(row) if value is not None]
        shares = [(value - span[0]) / ((span[1] - span[0]) or 1) for *_, value in cells]
        tones = [(colours()[hue], 0.03 + 0.49 * min(max(share, 0), 1)) for share in shares]  # text on them is legible
        size = 0.95 if legible else 1.0
        axes.bar([x for x, *_ in cells], size, size, [y - size / 2 for _, y, _ in cells], color=tones, linewidth=0)
        for x, y, value in cells if legible else []:
            axes.text(x, y, f"{value:.{digits}f}", ha="center", va="center")
        for axis, limit, set_ticks, title in (
            (columns, TICKS, axes.set_xticks, axes.set_xlabel),
            (rows, 12, axes.set_yticks, axes.set_ylabel),
        ):
            some = range(0, len(axis.ticks), -(-len(axis.ticks) // limit))
            set_ticks(list(some), [axis.ticks[place] for place in some])
            title(axis.title)
        axes.set_xlim(-0.5, len(columns.ticks) - 0.5)
        axes.set_ylim(len(rows.ticks) - 0.5, -0.5)
        axes.grid(visible=False)

    return draw


def inline(figure: Figure) -> str:
    """Return the figure as an SVG element whose colours follow the page."""
    text = StringIO()
    with _canvas([figure], head=0) as canvas:
        canvas.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    body = text.getvalue()
    opening = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(figure.title)}">'
    svg = opening + re.sub(
        r"<defs>\s*<style.*?</style>\s*</defs>",
        "",
        body[body.index(">", body.index("<svg")) + 1 :],
        count=1,
        flags=re.S,
    )
    names = {value: name for name, value in reversed(colours().items())}
    svg = re.sub("|".join(names), lambda found: f"var(--{names[found[0]]})", svg)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"font-(family|size): [^;]*; ", "", svg.replace("xlink:href", "href")))


def save(figures: list[Figure], file: Path) -> None:
    """Write figures side by side, each below its title and note; the name of ``file`` ends with one of ``FORMATS``."""
    if file.suffix not in FORMATS:
        raise InsituError(f"a figure is written as {' or '.join(FORMATS)}; got {file.name}")
    if not figures:
        raise InsituError("the report has no figures; see its tables")
    with _canvas(figures, HEAD) as canvas:
        meta = {"Date": None} if file.suffix == ".svg" else None
        write_whole(file, lambda part: canvas.savefig(part, format=file.suffix[1:], dpi=200, metadata=meta))


@contextmanager
def _canvas(figures: list[Figure], head: int) -> Iterator[Canvas]:
    """Draw figures next to each other, with ``head`` points above each for its title and note."""
    import matplotlib as mpl  # here, because importing it takes a second
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    tone = colours()
    style: dict[Any, Any] = {
        "font.size": FONT,
        "axes.edgecolor": "none",
        "axes.labelcolor": tone["soft"],
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": tone["faint"],
        "text.color": tone["ink"],
        "xtick.color": tone["soft"],
        "ytick.color": tone["soft"],
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "svg.fonttype": "none",
        "svg.hashsalt": "insitu",
    }
    wide, high = WIDTH * len(figures), HEIGHT + head
    with mpl.rc_context(style):
        canvas = Canvas(figsize=(wide / 72, high / 72), facecolor=tone["paper"])
        for number, figure in enumerate(figures):
            left = WIDTH * number
            size = (WIDTH - LEFT - RIGHT) / wide, (HEIGHT - TOP - BOTTOM) / high
            axes = canvas.add_axes(((left + LEFT) / wide, BOTTOM / high, *size), facecolor="none")
            axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
            if head:
                canvas.text((left + 16) / wide, 1 - 20 / high, figure.title, size=13, weight="bold")
                canvas.text((left + 16) / wide, 1 - 38 / high, figure.note, color=tone["soft"])
            figure.draw(axes)
        yield canvas
