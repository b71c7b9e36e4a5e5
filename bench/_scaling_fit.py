"""Fits the constants of each embedding to simulations; writes them, and a figure and a table of law and simulation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtri

from _scaling_simulation import RANDOM, Setting, device, features
from insitu.core import generator, write_text
from insitu.planning.device_error import measure
from insitu.planning.law import Embedding, Memory, accuracy
from insitu.planning.plan import LAW

HELD_OUT = {RANDOM: 3 * 10**4, "omniglot": 330, "miniimagenet": 20}  # larger sizes are not fitted
RESAMPLED = 30  # fits to settings drawn with replacement
QUERY_CLASSES = 100  # classes that are queried, whose errors are not independent of each other
MARKERS = "<!-- law:begin -->", "<!-- law:end -->"
LOWER, UPPER = [0.01, 0.0, 0.0, 0.2], [0.99, 1.0, 1.0, 1.0]
START = [0.3, 0.01, 0.05, 0.9]


@dataclass(frozen=True)
class Point:
    """A simulated memory: where it lies and the share of right answers."""

    setting: Setting
    memory: Memory
    right: float
    deviation: float  # of its probit, from the number of queries

    @property
    def held_out(self) -> bool:
        """Whether the fit does not see it."""
        return self.memory.classes > HELD_OUT[self.setting.embedding]


def write(results: Sequence[tuple[Setting, dict[str, list[int]]]], root: Path) -> None:
    """Fit, and write constants, figure and table."""
    points = [point for setting, right in results for point in _points(setting, right)]
    made: dict[str, Any] = {"made_by": "bench/scaling_law.py", "embeddings": {}}
    for name in dict.fromkeys(point.setting.embedding for point in points):
        own = [point for point in points if point.setting.embedding == name]
        made["embeddings"][name] = _fitted(name, own)
    write_text(LAW, lines(made))
    _draw(points, made["embeddings"], root / "docs" / "figures" / "scaling_law.svg")
    page = root / "docs" / "planning.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKERS[0])
    write_text(
        page, f"{before}{MARKERS[0]}\n{_table(points, made['embeddings'])}\n{MARKERS[1]}{rest.partition(MARKERS[1])[2]}"
    )


def lines(held: dict[str, Any]) -> str:
    """Return a dictionary as JSON with a line per entry."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in held.items()) + "\n}\n"


@cache
def _error(name: str, rows: int, shots: int) -> float:
    made = device(name)
    return 0.0 if made is None else measure(made, rows, shots).error


def _points(setting: Setting, right: dict[str, list[int]]) -> list[Point]:
    out = []
    for size, (hits, count) in right.items():
        memory = Memory(int(size), setting.rows, setting.shots, _error(setting.device, setting.rows, setting.shots))
        share = (hits + 0.5) / (count + 1)  # no probit of 0 or 1
        independent = min(count, 10 * min(int(size), QUERY_CLASSES))
        deviation = np.sqrt(share * (1 - share) / independent) / _density(share)
        out.append(Point(setting, memory, share, float(deviation)))
    return out


def _density(share: float) -> float:
    return float(np.exp(-(ndtri(share) ** 2) / 2) / np.sqrt(2 * np.pi))


def _misses(embedding: Embedding, points: Sequence[Point]) -> NDArray[np.float64]:
    """Return by how many probits the law is above each point."""
    memories = Memory(*np.array([astuple(point.memory) for point in points]).T)
    found = np.clip(accuracy(embedding, memories), 1e-9, 1 - 1e-9)
    misses: NDArray[np.float64] = ndtri(found) - ndtri([point.right for point in points])
    return misses


def _fit(points: Sequence[Point], features: float, free: NDArray[np.bool_]) -> Embedding:
    """Return the constants that come closest to the points; those that are not free are those of random classes."""
    # a few hundredths of a probit are the law's own error, which many queries do not lower
    weights = 1 / np.sqrt(np.square([point.deviation for point in points]) + 0.03**2)

    def embedding(constants: NDArray[np.float64]) -> Embedding:
        every = np.array([0.0, 0.0, 0.0, 1.0])
        every[free] = constants
        return Embedding(*every.tolist(), features)

    bounds = np.array(LOWER)[free], np.array(UPPER)[free]
    found = least_squares(lambda c: weights * _misses(embedding(c), points), np.array(START)[free], bounds=bounds)
    return embedding(found.x)


def _fitted(name: str, points: list[Point]) -> dict[str, Any]:
    """Return the constants of an embedding, those of resampled fits, and how far off the law is where held out."""
    # random classes lie in all dimensions, and every one is a rival: their cosine alone is fitted
    free, length = np.array([True, *[name != RANDOM] * 3]), features(name)
    seen, held = [p for p in points if not p.held_out], [p for p in points if p.held_out]
    fitted, rng = _fit(seen, length, free), generator(0, "scaling law", name)
    settings = sorted({point.setting for point in seen}, key=lambda each: each.name)
    drawn = []
    for _ in range(RESAMPLED):
        chosen = [settings[i] for i in rng.integers(0, len(settings), len(settings))]
        drawn.append(_fit([p for each in chosen for p in seen if p.setting == each], length, free))
    off = [float(np.sqrt(np.mean(np.square(_misses(fitted, part))))) for part in (seen, held)]
    return {
        "constants": asdict(fitted),
        "resampled": [[round(float(value), 6) for value in astuple(each)] for each in drawn],
        "fitted_to": HELD_OUT[name],
        "simulated_to": {
            "classes": int(max(p.memory.classes for p in points)),
            "classes_by_rows": _largest(points),
            "rows": [min(p.setting.rows for p in points), max(p.setting.rows for p in points)],
            "shots": [min(p.setting.shots for p in points), max(p.setting.shots for p in points)],
        },
        "probits_off": {"fitted": round(off[0], 4), "held_out": round(off[1], 4)},
        "points": {"fitted": len(seen), "held_out": len(held)},
    }


def _largest(points: list[Point]) -> dict[str, int]:
    """Return the largest number of classes that was simulated in so many rows."""
    rows = sorted({p.setting.rows for p in points})
    return {str(each): int(max(p.memory.classes for p in points if p.setting.rows == each)) for each in rows}


def _law(point: Point, embeddings: dict[str, Any]) -> float:
    return float(accuracy(Embedding(**embeddings[point.setting.embedding]["constants"]), point.memory))


def _table(points: list[Point], embeddings: dict[str, Any]) -> str:
    rows = [
        "| embedding | points fitted / held out | sizes held out | law − simulation there, points: mean [least … most] "
        "| root mean square |",
        "|---|---|---|---|---|",
    ]
    for name, made in embeddings.items():
        held = [p for p in points if p.held_out and p.setting.embedding == name]
        gaps = [100 * (_law(p, embeddings) - p.right) for p in held]
        sizes = f"{made['fitted_to']:,} < classes ≤ {made['simulated_to']['classes']:,}".replace(",", " ")
        rows.append(
            f"| {name} | {made['points']['fitted']} / {made['points']['held_out']} | {sizes} | {np.mean(gaps):.1f} "
            f"[{min(gaps):.1f} … {max(gaps):.1f}] | {np.sqrt(np.mean(np.square(gaps))):.1f} |"
        )
    rows += [
        "",
        "| held out | rows | shots | device | classes | simulated, % | law, % |",
        "|---|---|---|---|---|---|---|",
    ]
    last = {p.setting: p for p in sorted(points, key=lambda p: p.memory.classes) if p.held_out and p.setting.seed < 2}
    for p in sorted(
        last.values(), key=lambda p: (p.setting.embedding, p.setting.rows, p.setting.shots, p.setting.device)
    ):
        if p.setting.embedding != RANDOM and p.setting.seed:
            continue
        each, classes = p.setting, f"{p.memory.classes:,}".replace(",", " ")
        rows.append(
            f"| {each.embedding} | {each.rows} | {each.shots} | {each.device or 'float'} | {classes} | "
            f"{100 * p.right:.1f} | {100 * _law(p, embeddings):.1f} |"
        )
    return "\n".join(rows)


def _draw(points: list[Point], embeddings: dict[str, Any], file: Path) -> None:
    """Draw a row of panels per number of shots, a panel per embedding; colours are rows, symbols are devices."""
    shots, rows, devices = (sorted({getattr(p.setting, name) for p in points}) for name in ("shots", "rows", "device"))
    colors = dict(zip(rows, ("#0072b2", "#d55e00", "#009e73"), strict=True))  # told apart by colour-blind readers
    symbols = dict(zip(devices, "o^s", strict=True))
    with mpl.rc_context({"svg.hashsalt": "insitu"}):
        figure = Figure(figsize=(9, 6.2), layout="constrained")
        grid = figure.subplots(len(shots), len(embeddings), sharex="col", sharey=True, squeeze=False)
        for (shot, name), at in zip(product(shots, embeddings), grid.flat, strict=True):
            constants = Embedding(**embeddings[name]["constants"])
            own = sorted({p.setting for p in points if p.setting.embedding == name}, key=lambda each: each.name)
            for setting in (each for each in own if each.shots == shot and (name == RANDOM or each.seed == 0)):
                here = [p for p in points if p.setting == setting]
                held, color = here[0].memory, colors[setting.rows]
                sizes = np.geomspace(held.classes, max(p.memory.classes for p in here), 40)
                law = 100 * accuracy(constants, Memory(sizes, held.rows, held.shots, held.error))
                at.plot(sizes, law, color=color, lw=0.9)
                for p in here:
                    style: dict[str, Any] = {"ms": 4, "mec": color, "mfc": "none" if p.held_out else color}
                    at.plot(p.memory.classes, 100 * p.right, symbols[setting.device], **style)
            at.axvline(embeddings[name]["fitted_to"] * 1.3, color="0.6", lw=0.8, ls=":")
            at.set(xscale="log", ylim=(0, 101), title=f"{name}, {shot} shot{'' if shot == 1 else 's'}")
            decades = np.ptp(np.log10(at.get_xlim()))
            at.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,)))
            at.xaxis.set_major_formatter(FuncFormatter(_size))
            at.xaxis.set_minor_formatter(NullFormatter())
        for at in grid[-1]:
            at.set_xlabel("classes")
        for at in grid[:, 0]:
            at.set_ylabel("right answers, %")
        keys = [Line2D([], [], color=color, label=f"{each} rows") for each, color in colors.items()]
        keys += [
            Line2D([], [], color="0.3", ls="", marker=symbol, label=each or "float") for each, symbol in symbols.items()
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False)
        figure.savefig(file, metadata={"Date": None})


def _size(classes: float, _: int) -> str:
    return f"{classes:g}" if classes < 10**4 else f"$10^{{{np.log10(classes):.0f}}}$"
