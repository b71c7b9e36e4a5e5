"""An animated picture of the robot arm that follows a path: target, path, and how far the hand is off, in real time.

It has the light colours of the page's style sheet, since a GIF has no dark mode.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError
from insitu.report.drawing import colours
from insitu.scenarios.robot_arm import kinematics

SIZE = (4.8, 4.0)  # inches of 100 pixels
FRAMES = 50  # at most, without the last, which stays
LAST_MS = 900
SHADES = 96  # colours of the palette
ABOVE = np.radians(24)  # elevation of the view
ASIDE = np.radians(48)  # to the left of where the hand is on average
FLOOR_M = (0.25, 0.5, 0.75, 1.0)  # radii of the circles on the floor
LINKS = (13, 11, 9, 7, 5)  # widths of the arm from base to hand, in points
METAL = "#aab0b8"

Points = NDArray[np.floating]


def flat(points: Points, direction: Points) -> NDArray[np.float64]:
    """Return where points (..., 3) are in a picture (..., 2), y downwards, seen from the side of ``direction`` (3,)."""
    turn = np.arctan2(direction[1], direction[0]) - ASIDE
    right = np.array([-np.sin(turn), np.cos(turn), 0])
    down = np.array([np.cos(turn) * np.sin(ABOVE), np.sin(turn) * np.sin(ABOVE), -np.cos(ABOVE)])
    return np.asarray(points @ np.stack([right, down]).T)


def animated(target: Points, path: Points, angles: Points) -> bytes:
    """Return a GIF of an arm at ``angles`` (steps, 2) whose hand moves along ``path`` and should move along ``target``.

    Both are (steps, 3) in metres. Steps take .01 s. Raises ``InsituError`` where shapes differ or hold NaN.
    """
    shapes = (np.shape(target), np.shape(path), np.shape(angles))
    steps = len(angles)
    if shapes != ((steps, 3), (steps, 3), (steps, 2)) or steps < 2:
        raise InsituError(f"target, path and angles are (steps, 3), (steps, 3) and (steps, 2); got {shapes}")
    if not all(np.isfinite(each).all() for each in (target, path, angles)):
        raise InsituError("target, path or angles hold NaN or infinity; there is nothing to draw")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tone, centre = colours(), target.mean(0)
    arm, wanted, made = (flat(each, centre) for each in (kinematics.joints(angles), target, path))
    shadow = flat(kinematics.joints(angles) * (1, 1, 0), centre)
    canvas = FigureCanvasAgg(Figure(SIZE, 100, facecolor=tone["paper"]))
    axes = canvas.figure.add_axes((0.03, 0.04, 0.94, 0.86))
    axes.set_axis_off()
    everything = np.concatenate([each.reshape(-1, 2) for each in (arm, wanted, made, shadow)])
    (left, top), (right, bottom) = everything.min(0), everything.max(0)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", anchor="C")
    around = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(around), np.sin(around), 0 * around], 1)
    for line in [radius * circle for radius in FLOOR_M] + [np.outer(FLOOR_M, spoke) for spoke in circle[:-1:15]]:
        axes.plot(*flat(line, centre).T, color=tone["faint"], linewidth=1, clip_on=False)
    axes.plot(*wanted.T, ":", color=tone["baseline"], linewidth=1.4, label="target")
    [shade] = axes.plot([], [], color=tone["rule"], linewidth=5)
    links = [
        axes.plot([], [], color=colour, linewidth=width + wider, solid_capstyle="round", clip_on=False)[0]
        for width in LINKS
        for colour, wider in ((tone["soft"], 1.5), (METAL, 0))
    ]
    [joint] = axes.plot([], [], "o", color=tone["paper"], markeredgecolor=tone["soft"], markersize=6)
    [learned] = axes.plot([], [], color=tone["learner"], linewidth=2, label="learned")
    [error] = axes.plot([], [], color=tone["novel"], linewidth=1.4)
    [ring] = axes.plot([], [], "o", color="none", markeredgecolor=tone["baseline"], markersize=8)
    [hand] = axes.plot([], [], "o", color=tone["learner"], markersize=6)
    canvas.figure.legend(loc="upper left", ncols=2, frameon=False, labelcolor=tone["ink"])
    clock = canvas.figure.text(0.97, 0.03, "", color=tone["soft"], ha="right")
    apart = canvas.figure.text(0.97, 0.935, "", color=tone["novel"], ha="right")
    stride = max(5, -(-steps // FRAMES))
    frames = []
    for step in [*range(0, steps - 1, stride), steps - 1]:
        shade.set_data(*shadow[step].T)
        for number, link in enumerate(links):
            link.set_data(*arm[step, number // 2 : number // 2 + 2].T)
        joint.set_data(*arm[step, 2:5].T)
        learned.set_data(*made[: step + 1].T)
        error.set_data(*np.stack([wanted[step], made[step]]).T)
        ring.set_data(*wanted[step, :, None])
        hand.set_data(*made[step, :, None])
        clock.set_text(f"{kinematics.STEP_S * (step + 1):.1f} s")
        apart.set_text(f"{100 * np.linalg.norm(path[step] - target[step]):.1f} cm off")
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        frames.append(Image.fromarray(pixels[..., :3].copy()))
    palette = frames[-1].quantize(SHADES, Image.Quantize.MAXCOVERAGE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    out = BytesIO()
    lasting = [round(1000 * kinematics.STEP_S * stride)] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=lasting, loop=0, disposal=1)
    return out.getvalue()
