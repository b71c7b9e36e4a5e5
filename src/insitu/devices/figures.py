"""What a cell of any device does under SET pulses, programming and time: measured, drawn, or sketched as text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator, write_whole
from insitu.devices import Device

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = NDArray[np.float64]
AGES = {"1 min": 60.0, "1 hour": 3600.0, "1 day": 86400.0, "1 month": 30 * 86400.0, "1 year": 365 * 86400.0}
CELLS = 1000  # per point: a spread is known to two percent
WIDTH = 100  # columns of the text
BLUES = ("#69acd5", "#2f7fb8", "#0b3c66")  # one hue, light to dark: ordered, and legible to every eye


@dataclass(frozen=True)
class Characteristics:
    """Curves of one device, conductances in µS. A spread is that from cell to cell; read noise is given apart."""

    name: str
    about: str
    full_scale_us: float
    pulses: NDArray[np.int64]  # after RESET; empty where the device has no model of single pulses
    pulse_mean_us: Curve
    pulse_std_us: Curve
    target_us: Curve
    error_mean_us: Curve
    error_std_us: Curve
    age_s: Curve  # of cells programmed to the targets below
    level_us: Curve
    drift_mean_us: Curve  # (levels, ages)
    drift_std_us: Curve
    read_std_us: Curve


def measure(device: Device, seed: int = 0) -> Characteristics:
    """Return the curves of ``device``, measured on some thousand simulated cells."""
    name = type(device).__name__
    rng = generator(seed, "characteristics", name)
    ages = np.unique(np.append(np.geomspace(60, AGES["1 year"], 25), list(AGES.values())))
    counts = np.arange(21 if device.crystallises else 0)
    pulsed = []
    cells = device.reset((2 * CELLS,), 0.0, rng)
    for count in counts:
        cells = device.pulse(cells, np.ones(cells.shape, np.int64), 0.0, rng) if count else cells
        pulsed.append(device.read(cells, 0.0)[0])
    targets = np.linspace(0, 1, 13) * device.full_scale_us
    written = device.program(np.tile(targets.astype(np.float32)[:, None], CELLS), 0.0, rng)
    error = device.read(written, 0.0)[0] - targets[:, None]
    levels = [3, 6, 12]  # a quarter, a half, all of full scale
    reads = [device.read(written.take(levels), age) for age in ages.tolist()]  # (mean, std), each (levels, CELLS)
    held = np.array(pulsed, np.float64).reshape(len(counts), 2 * CELLS)
    return Characteristics(
        name=name,
        about=(type(device).__doc__ or "").strip().split("\n")[0],
        full_scale_us=device.full_scale_us,
        pulses=counts.astype(np.int64),
        pulse_mean_us=held.mean(1),
        pulse_std_us=held.std(1),
        target_us=targets,
        error_mean_us=error.mean(1),
        error_std_us=error.std(1),
        age_s=ages,
        level_us=targets[levels],
        drift_mean_us=np.array([mean.mean(1) for mean, _ in reads], np.float64).T,
        drift_std_us=np.array([mean.std(1) for mean, _ in reads], np.float64).T,
        read_std_us=np.array([std.mean(1) for _, std in reads], np.float64).T,
    )


def sketch(c: Characteristics) -> str:
    """Return the curves as text, at most 100 columns wide: every row a mean (●) and a spread (├ ┤) on one scale."""
    ages = [int(np.flatnonzero(c.age_s == age)[0]) for age in AGES.values()]
    spread = np.hypot(c.drift_std_us, c.read_std_us)
    top = max(c.full_scale_us, *(c.target_us + c.error_mean_us + c.error_std_us), *(c.pulse_mean_us + c.pulse_std_us))
    lines = [f"{c.name}, full scale {c.full_scale_us:g} µS", *textwrap.wrap(c.about, WIDTH), ""]

    def head(title: str) -> None:
        lines.append(f"{title:<44}0{f'{top:.3g} µS':>{WIDTH - 45}}")

    def row(label: str, spans: list[tuple[float, float]]) -> None:
        cells = [" "] * (WIDTH - 44)
        at = [[round(min(max(x / top, 0), 1) * (len(cells) - 1)) for x in (m - s, m, m + s)] for m, s in spans]
        for low, _, high in at:
            cells[low : high + 1] = "─" * (high + 1 - low)
            cells[low], cells[high] = "├", "┤"
        for _, mean, _ in at:
            cells[mean] = "●"
        lines.append(f"{label:<44}{''.join(cells)}".rstrip())

    if len(c.pulses):
        head("SET pulses   conductance, µS")
        for i in (0, 1, 2, 3, 4, 5, 10, 20):
            mean, std = c.pulse_mean_us[i], c.pulse_std_us[i]
            row(f"{c.pulses[i]:10d}   {mean:6.2f} ± {std:.2f}", [(mean, std)])
        lines.append("")
    head("target, µS   programmed: error, µS")
    for goal, mean, std in list(zip(c.target_us, c.error_mean_us, c.error_std_us, strict=True))[::3]:
        row(f"{goal:10.2f}   {mean + 0.0:+6.2f} ± {std:.2f}", [(goal + mean, std)])
    lines.append("")
    head(f"{'age':>10}   cells at {', '.join(f'{level:.3g}' for level in c.level_us)} µS")
    for label, i in zip(AGES, ages, strict=True):
        numbers = "".join(f"{mean:6.2f}  " for mean in c.drift_mean_us[:, i])
        row(f"{label:>10}   {numbers}", list(zip(c.drift_mean_us[:, i], spread[:, i], strict=True)))
    noise = ", ".join(f"{std:.2f}" for std in c.read_std_us[:, ages[1]])
    return "\n".join([*lines, f"{'':13}└ the spread includes the noise of one read: {noise} µS after 1 hour"])


def draw(c: Characteristics, path: Path) -> None:
    """Write the curves as a figure, SVG or PNG by the suffix of ``path``; equal curves give equal bytes."""
    panels = [_draw_pulses, _draw_programming, _draw_drift][0 if len(c.pulses) else 1 :]
    title = f"{c.name}: full scale {c.full_scale_us:g} µS"
    note = "line: mean of the cells; band: ± one standard deviation from cell to cell"
    draw_panels([partial(panel, c=c) for panel in panels], title, note, path)


def draw_panels(panels: Sequence[Callable[[Axes], None]], title: str, note: str, path: Path) -> None:
    """Write a figure of panels next to each other, SVG or PNG by the suffix of ``path``."""
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in ("svg", "png"):
        raise InsituError(f"a figure is written as .svg or .png; got {path}; give one of these suffixes")
    import matplotlib as mpl  # here, so that devices load without it
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "axes.labelcolor": "#444444",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#ececec",
        "xtick.color": "#444444",
        "ytick.color": "#444444",
        "text.color": "#222222",
        "svg.hashsalt": "insitu",
    }
    with mpl.rc_context(style):
        figure = Figure(
            figsize=(3.9 * len(panels), 3.8), dpi=160, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
        )
        figure.suptitle(title, x=0.012, ha="left", weight="bold", size=11)
        figure.supxlabel(note, x=0.012, ha="left", size=8, color="#666666")
        for axes, panel in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
            axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
            panel(axes)
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        write_whole(path, lambda file: figure.savefig(file, format=kind, metadata=metadata))


def band(axes: Axes, x: Curve, mean: Curve, std: Curve, colour: str) -> None:
    """Draw a mean as a line, and one standard deviation to either side as a band."""
    axes.fill_between(x, mean - std, mean + std, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, mean, color=colour, linewidth=1.8)


def _draw_pulses(axes: Axes, c: Characteristics) -> None:
    band(axes, c.pulses.astype(np.float64), c.pulse_mean_us, c.pulse_std_us, BLUES[1])
    axes.plot(c.pulses, c.pulse_mean_us, "o", color=BLUES[1], markersize=3.5)
    axes.set(title="Growth by SET pulses", xlabel="pulses after RESET", ylabel="conductance (µS)")
    axes.set(xlim=(0, c.pulses[-1] + 0.4), xticks=range(0, 21, 5), ylim=(0, c.full_scale_us * 1.04))


def _draw_programming(axes: Axes, c: Characteristics) -> None:
    axes.axhline(0, color="#888888", linewidth=0.8)
    band(axes, c.target_us, c.error_mean_us, c.error_std_us, BLUES[1])
    most = max(1.15 * float(np.max(np.abs(c.error_mean_us) + c.error_std_us)), 0.05 * c.full_scale_us)
    axes.set(title="Error of programming", xlabel="target (µS)", ylabel="programmed − target (µS)")
    axes.set(xlim=(0, c.full_scale_us), ylim=(-most, most))


def _draw_drift(axes: Axes, c: Characteristics) -> None:
    rows = zip(c.level_us, c.drift_mean_us, np.hypot(c.drift_std_us, c.read_std_us), BLUES, strict=True)
    for _, mean, std, colour in rows:
        band(axes, c.age_s, mean, std, colour)
        change = round(100 * (mean[-1] / mean[0] - 1))
        note = f"{change:+d} %".replace("-", "−") if change else "no change"
        axes.annotate(note, (c.age_s[-1], mean[-1]), (5, 0), textcoords="offset points", va="center")
    axes.set(title="Drift, with the noise of one read", xlabel="age", ylabel="conductance (µS)", xscale="log")
    axes.set(xlim=(c.age_s[0], c.age_s[-1]), ylim=(0, None))
    axes.minorticks_off()
    axes.set_xticks(list(AGES.values()), ["1 min", "1 h", "1 d", "1 mo", "1 y"])
