"""What a fit found: as lines of text, as the file of the device, and as a figure of data against model."""

from __future__ import annotations

import inspect
import re
import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from insitu.core import generator
from insitu.devices import uniform_cells
from insitu.devices.figures import BLUES, band, draw_panels
from insitu.devices.fitting.measurements import Floats
from insitu.devices.fitting.pulses import Fit, moments
from insitu.devices.fitting.reads import drifting, repeated
from insitu.devices.measured import MeasuredDevice

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DATA = "#c2571a"  # against the blues of the model
WIDTH = 110


def findings(fit: Fit) -> list[str]:
    """Return one line for each thing that was fitted, with how far model and data are apart."""
    device, points, reads = fit.device, fit.pulses.points, int(fit.pulses.count.sum())
    data, model = moments(fit.pulses.mean_us), moments(fit.simulated_us)
    lines = [
        f"{fit.pulses.cells} cells, {len(points)} pulse numbers from {points[0]:g} to {points[-1]:g}, {reads} reads"
    ]
    for name, one, other in (("mean", data.mean, model.mean), ("spread", data.spread, model.spread)):
        off = other - one
        worst = int(np.abs(off).argmax())
        lines.append(
            f"{name} of the conductance: model off by {np.sqrt(np.mean(off**2)):.2g} µS rms, most at pulse "
            f"{points[worst]:g} ({one[worst]:.3g} µS measured, {other[worst]:.3g} µS modelled)"
        )
    ours, theirs = _persistence(fit.pulses.mean_us), _persistence(fit.simulated_us)
    # a difference between cells that grows by half over the series
    lasting = device.step_mean_us[0] * points[-1] > 0.5
    kept = "; cells that differ lastingly are modelled as steps that grow with the conductance held" if lasting else ""
    lines.append(
        f"growth in the first and the second half of the pulses: correlation {ours:.2f} measured, "
        f"{theirs:.2f} modelled{kept}"
    )
    if fit.drift:
        used = len(drifting(fit.drift))
        mean, spread = device.drift
        falls = "" if mean else ": conductances do not fall, so none is modelled"
        lines.append(
            f"drift exponent {mean:.4f} ± {spread:.4f} from {used} of {fit.drift.cells} cells "
            f"over {fit.drift.points[0]:g} to {fit.drift.points[-1]:g} s{falls}"
        )
    if len(repeated(fit.series)[0]):
        lines.append(
            f"noise of one read: {device.read_us[0]:.3g} µS and {100 * device.read_us[1]:.2g} % of the conductance"
        )
    target = np.full(2000, device.full_us / 2, np.float32)
    error = device.program(target, 0.0, generator(0, "findings")).conductance_us - target
    source = f"{len(device.targets_us)} measured targets" if fit.programmed else "pulses until it is reached"
    lines.append(
        f"programming to half of full scale ({device.full_us / 2:.3g} µS), by {source}: "
        f"error {error.mean():+.2g} ± {error.std():.2g} µS"
    )
    return lines


def _persistence(g: Floats) -> float:
    """Return the correlation over cells of their growth in the first and in the second half of the points."""
    middle = g.shape[1] // 2
    first, second = g[:, middle] - g[:, 0], g[:, -1] - g[:, middle]
    known = np.isfinite(first + second)
    if known.sum() < 3 or not (first[known].std() and second[known].std()):
        return 0.0
    return float(np.corrcoef(first[known], second[known])[0, 1])


def source_text(fit: Fit, stem: str, version: str) -> str:
    """Return the text of the device's file, which defines a subclass of ``MeasuredDevice`` named after ``stem``."""
    symbol = "".join(word.capitalize() for word in stem.split("_"))
    files = ", ".join(each.path.name for each in fit.series)
    about = f"Cell fitted to {fit.pulses.cells} cells of {fit.pulses.path.name}"
    assumed = "; ".join(fit.assumed) or "nothing"
    paragraphs = [
        f"{about} by ``insitu fit-device`` (insitu {version}).",
        "",
        "Equations: those of ``insitu.devices.measured``, with the constants below.",
        f"Fitted to {files}:",
        *(f"- {line}" for line in findings(fit)),
        f"Assumed: {assumed}.",
        "Not modelled: what ``insitu.devices.measured`` leaves out, and what was not measured.",
    ]
    wrapped = "\n".join(
        textwrap.fill(line, WIDTH, subsequent_indent="  " if line.startswith("-") else "") for line in paragraphs
    )
    kinds = re.findall(
        r"^    (\w+): ([^=#\n]+?)(?: = [^#\n]+)?  # (.+)$", inspect.getsource(MeasuredDevice), re.MULTILINE
    )
    given = [each for each in kinds if getattr(fit.device, each[0]) != getattr(MeasuredDevice, each[0], None)]
    constants = "\n".join(
        f"    {name}: {kind} = {getattr(fit.device, name)!r}  # {comment}" for name, kind, comment in given
    )
    return f'''"""{wrapped}
"""

from __future__ import annotations

from dataclasses import dataclass

from insitu.devices.measured import MeasuredDevice


@dataclass(frozen=True)
class {symbol}(MeasuredDevice):
    """{about}."""

{constants}
'''


def draw(fit: Fit, name: str, path: Path) -> None:
    """Write a figure of data against model, SVG or PNG by the suffix of ``path``."""
    panels = [_draw_growth, _draw_steps]
    panels += [_draw_drift] if fit.drift else []
    panels += [_draw_noise] if len(repeated(fit.series)[0]) else []
    note = "points: measured, with one standard deviation from cell to cell; lines and bands: the fitted model"
    draw_panels([partial(panel, fit=fit) for panel in panels], f"{name}: data and model", note, path)


def _draw_growth(axes: Axes, fit: Fit) -> None:
    points, data, model = fit.pulses.points, moments(fit.pulses.mean_us), moments(fit.simulated_us)
    band(axes, points, model.mean, model.spread, BLUES[1])
    axes.errorbar(points, data.mean, data.spread, fmt="o", color=DATA, markersize=3.5, linewidth=1)
    axes.set(title="Growth by SET pulses", xlabel="pulses after RESET", ylabel="conductance (µS)", ylim=(0, None))


def _draw_steps(axes: Axes, fit: Fit) -> None:
    points, data, model = fit.pulses.points[1:], moments(fit.pulses.mean_us), moments(fit.simulated_us)
    for half, (name, colour, mark) in enumerate((("below the mean", BLUES[0], "v"), ("above it", BLUES[2], "^"))):
        axes.plot(points, model.step_mean[:, half], color=colour, linewidth=1.8, label=f"cells {name}")
        axes.plot(points, data.step_mean[:, half], mark, color=colour, markersize=4, markeredgecolor=DATA)
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.legend(frameon=False)
    axes.set(title="Mean step to the next read", xlabel="pulses after RESET", ylabel="step (µS)")


def _draw_drift(axes: Axes, fit: Fit) -> None:
    assert fit.drift is not None
    times, measured, device = fit.drift.points, drifting(fit.drift), fit.device
    rng = generator(0, "figure")
    first = np.resize(measured[:, 0][np.isfinite(measured[:, 0])], 2000).astype(np.float32)
    exponents = np.maximum(device.drift[0] + device.drift[1] * rng.standard_normal(2000, dtype=np.float32), 0)
    cells = uniform_cells(first, exponents, 0.0)
    reads = [device.read(cells, age_s) for age_s in times.tolist()]
    drawn = np.stack([mean + std * rng.standard_normal(2000) for mean, std in reads], 1)
    ratio, model = measured / measured[:, :1], drawn / np.where(drawn[:, :1] > 0, drawn[:, :1], np.nan)
    band(axes, times, np.nanmean(model, 0), np.nanstd(model, 0), BLUES[1])
    axes.errorbar(
        times, np.nanmean(ratio, 0), np.nanstd(ratio, 0), fmt="o", color=DATA, markersize=3.5, linewidth=1, zorder=3
    )
    axes.set(title="Drift", xlabel="time since the last pulse (s)", ylabel="conductance / first read", xscale="log")


def _draw_noise(axes: Axes, fit: Fit) -> None:
    g, std, _ = repeated(fit.series)
    x = np.array([0, g.max()])
    axes.plot(x, fit.device.read_us[0] + fit.device.read_us[1] * x, color=BLUES[1], linewidth=1.8)
    axes.plot(g, std, "o", color=DATA, markersize=4)
    axes.set(title="Noise of one read", xlabel="conductance (µS)", ylabel="standard deviation (µS)", ylim=(0, None))
