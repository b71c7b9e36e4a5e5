"""One movement of a robot arm, as baseline and learner reproduce it: path, velocities, spikes, learning signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insitu import run
from insitu.experiments import Experiment
from insitu.report import formatting
from insitu.report.drawing import colours, label_ends, stroke
from insitu.report.formatting import Report
from insitu.report.robot_gif import animated, flat
from insitu.report.sample import Sample
from insitu.report.table import Animation, Block, Figure
from insitu.scenarios.robot_arm import kinematics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEY = "example"
DIGITS = 3  # of numbers kept of a movement
SIGNALS = (50, 2)  # signals that are kept, at most, and steps that are averaged, so that a report stays small
LEVELS = 6  # of a signal's strength, to either side
NETWORK = "milliseconds of the network"  # one step of it takes one


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return one movement of the first session, the one whose error is the median; None where learners have no traces.

    Velocities are lists per joint; spikes lists of steps per neuron; of the learning signals some are kept, sorted by
    their mean, the steps averaged in pairs.
    """
    found = run.example(experiment)
    if not found:
        return None
    out: dict[str, Any] = {"target": _rounded(found["target"].T)}
    for arm in formatting.ARMS:
        out[arm] = {step: _rounded(found[arm][step]["velocities"].T) for step in ("before", "after")}
    learner = found["learner"]
    out["spikes"] = {
        step: [np.flatnonzero(neuron).tolist() for neuron in learner[step]["spikes"].T] for step in ("before", "after")
    }
    signals = learner["signals"].T  # (size, steps)
    kept = np.linspace(0, len(signals) - 1, min(SIGNALS[0], len(signals))).round().astype(int)
    chosen = signals[np.argsort(signals.mean(1))[kept]]
    whole = chosen[:, : chosen.shape[1] // SIGNALS[1] * SIGNALS[1]]
    averaged = whole.reshape(len(whole), -1, SIGNALS[1]).mean(2)
    out["signals"] = _rounded(averaged / (abs(averaged).max() or 1))
    return out


def _rounded(values: NDArray[np.floating]) -> list[Any]:
    listed: list[Any] = np.round(values.astype(np.float64), DIGITS).tolist()
    return listed


def blocks(report: Report) -> list[Block]:
    """Return the moving arm and the figures of its movement."""
    held = report.get(KEY)
    if not held:
        return []
    name = formatting.within(formatting.names(report)[1])
    note = f"{name}, after one demonstration"
    return [
        Animation("The arm", f"{note}, as fast as it would move", "arm", lambda: _gif(held)),
        Figure("Path of the hand", f"{note}; target dotted, floor in tiles of 10 cm", _path(report), cover=True),
        *(
            Figure(f"Velocity of the {joint}", f"rad/s; {note}; target dotted", _velocity(held, number))
            for number, joint in enumerate(("base", "shoulder"))
        ),
        Figure("Spikes", f"a row per neuron of the network that moves the arm; {name}", _spikes(held)),
        Figure("Learning signals", "of some neurons, from the second network; weakest sum at the top", _signals(held)),
    ]


def _gif(held: dict[str, Any]) -> bytes:
    target, made = (np.array(each).T for each in (held["target"], held["learner"]["after"]))
    return animated(kinematics.path(target), kinematics.path(made), kinematics.clipped(kinematics.angles_of(made)))


def _path(report: Report) -> Callable[[Axes], None]:
    """Draw the paths of the hand from the side, over their shadows on the floor."""
    held, names = report[KEY], formatting.names(report)
    made = [held["target"], held["baseline"]["after"], held["learner"]["after"]]
    paths = [kinematics.path(np.array(velocities).T) for velocities in made]
    centre = paths[0].mean(0)

    def draw(axes: Axes) -> None:
        whole = np.concatenate(paths)
        floor = whole.min(0)[2] - 0.08
        x, y = (np.arange(np.floor(10 * side.min()), np.ceil(10 * side.max()) + 1) / 10 for side in whole.T[:2])
        ends = [([at, at], y[[0, -1]]) for at in x] + [(x[[0, -1]], [at, at]) for at in y]
        for first, second in ends:
            stroke(axes, flat(np.stack([first, second, [floor] * 2], 1), centre).T, "faint", 1)
        for path in paths[::2]:
            stroke(axes, flat(path * (1, 1, 0) + (0, 0, floor), centre).T, "rule", 1.5)
        for path, label, hue in zip(paths, ("target", *names), ("baseline", "third", "learner"), strict=True):
            stroke(axes, flat(path, centre).T, hue, dotted=hue == "baseline", label=label)
        for place, word in ((0, "start"), (-1, "end")):
            at = tuple(flat(paths[0][place], centre))
            axes.plot(*at, "o", color=colours()["ink"], markersize=6)
            axes.annotate(word, at, xytext=(7, 7), textcoords="offset points", color=colours()["soft"])
        axes.set_aspect("equal", "datalim")
        axes.invert_yaxis()  # the projection counts downwards
        axes.set_axis_off()
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, frameon=False, labelcolor="linecolor")

    return draw


def _velocity(held: dict[str, Any], joint: int) -> Callable[[Axes], None]:
    made = {step: held["learner"][step][joint] for step in ("before", "after")} | {"target": held["target"][joint]}
    hues = dict(zip(made, ("novel", "learner", "baseline"), strict=True))

    def draw(axes: Axes) -> None:
        for label, velocities in made.items():
            times = kinematics.STEP_S * np.arange(len(velocities))
            stroke(axes, (times, velocities), hues[label], dotted=label == "target")
        axes.axhline(0, color=colours()["soft"], linewidth=1, zorder=0)
        axes.set_xlabel("seconds")
        label_ends(axes, [(label, hues[label], velocities[-1]) for label, velocities in made.items()])

    return draw


def _spikes(held: dict[str, Any]) -> Callable[[Axes], None]:
    """Draw when each neuron fires, before the demonstration above and after it below."""

    def draw(axes: Axes) -> None:
        height, middles = 0.0, []
        for step, hue in (("before", "novel"), ("after", "learner")):
            neurons = held["spikes"][step]
            # NaN breaks the line, so that all spikes are one path of the SVG
            marks = [
                (t, t, np.nan, height + n, height + n + 1, np.nan) for n, times in enumerate(neurons) for t in times
            ]
            points = np.array(marks, float).reshape(-1, 2, 3).transpose(1, 0, 2).reshape(2, -1)
            stroke(axes, points, hue, 1.3)
            middles.append(height + len(neurons) / 2)
            height += 1.1 * len(neurons)
        axes.set_ylim(height, 0)
        _time(axes, middles, ("before", "after"), len(held["target"][0]))

    return draw


def _signals(held: dict[str, Any]) -> Callable[[Axes], None]:
    """Draw how strong the signal of each neuron is: runs of one strength are one stroke."""
    strength = np.rint(np.clip(np.array(held["signals"]) * LEVELS * 1.6, -LEVELS, LEVELS)).astype(int)
    edged = np.pad(strength, ((0, 0), (1, 1)), constant_values=LEVELS + 1)

    def draw(axes: Axes) -> None:
        for level in set(strength.flat) - {0}:
            rows, places = np.nonzero(np.diff(edged == level, axis=1))
            x = np.insert(places.reshape(-1, 2) * float(SIGNALS[1]), 2, np.nan, axis=1)
            hue, alpha = "learner" if level > 0 else "novel", abs(level) / LEVELS
            stroke(axes, (x.ravel(), rows[::2].repeat(3)), hue, 220 / len(strength), alpha=alpha, solid_capstyle="butt")
        axes.set_ylim(len(strength) - 0.5, -0.5)
        _time(axes, [0.2 * len(strength), 0.8 * len(strength)], ("less", "more"), len(held["target"][0]))

    return draw


def _time(axes: Axes, places: list[float], words: tuple[str, str], length: int) -> None:
    axes.set_xlim(0, length)
    axes.set_xlabel(NETWORK)
    axes.set_yticks(places, words, rotation=90, va="center")
    axes.grid(visible=False)
    for label, hue in zip(axes.get_yticklabels(), ("novel", "learner"), strict=True):
        label.set_color(colours()[hue])
