"""An animated picture of the arm that follows a path: target, path, and how far the hand is off, in real time.

Drawn with Pillow from points alone, in the light colours of the page's style sheet, since a GIF knows no dark mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from insitu.core import InsituError
from insitu.scenarios.robot_arm import kinematics

WIDTH, HEIGHT = 480, 400
FINER = 2  # frames are drawn so many times larger and made smaller, for smooth edges
HEAD, FOOT, MARGIN = 46, 30, 18  # pixels kept free for words, and at the sides
FRAMES = 50  # at most, without the last, which stays
LAST_MS = 900
DASH = 4  # pixels
ABOVE = np.radians(24)  # elevation of the eye
ASIDE = np.radians(48)  # to the left of where the hand is on average
FLOOR_M = (0.25, 0.5, 0.75, 1.0)  # radii of the circles on the floor

PAPER, INK, SOFT, FAINT, RULE = "#fcfbf8", "#1d2126", "#5d6570", "#e6e3dc", "#d5d1c7"
DEVICE, NOVEL, FLOAT, METAL = "#0b6b8a", "#b9530d", "#737b86", "#aab0b8"

Points = NDArray[np.floating]


def animated(target: Points, path: Points, angles: Points) -> bytes:
    """Return a GIF of an arm at ``angles`` (steps, 2) whose hand goes along ``path`` and should go along ``target``.

    Both are (steps, 3) in metres. Steps take .01 s. Raises ``InsituError`` where shapes differ or hold NaN.
    """
    shapes = (np.shape(target), np.shape(path), np.shape(angles))
    steps = len(angles)
    if shapes != ((steps, 3), (steps, 3), (steps, 2)) or steps < 2:
        raise InsituError(f"target, path and angles are (steps, 3), (steps, 3) and (steps, 2); got {shapes}")
    if not all(np.isfinite(each).all() for each in (target, path, angles)):
        raise InsituError("target, path or angles hold NaN or infinity; there is nothing to draw")
    joints = kinematics.joints(angles)  # (steps, 6, 3)
    view = _fitted(np.concatenate([joints.reshape(-1, 3), target, path]), target.mean(0))
    apart = np.linalg.norm(path - target, axis=1) * 100
    stride = max(5, -(-steps // FRAMES))
    shown = [*range(0, steps - 1, stride), steps - 1]
    floor = _floor(view)
    palette = _palette()
    dashes = _dashes(view.flat(target))
    frames = []
    for step in shown:
        picture = floor.copy()
        pen = ImageDraw.Draw(picture)
        _shadow(pen, view, joints[step])
        for dash in dashes:
            _line(pen, dash, FLOAT, 1.5)
        _arm_itself(pen, view, joints[step])
        _line(pen, view.flat(path[: step + 1]), DEVICE, 2.6)
        here, there = view.flat(np.stack([target[step], path[step]]))
        _line(pen, np.stack([here, there]), NOVEL, 1.6)
        _ring(pen, here, 5.5, FLOAT)
        _disc(pen, there, 4.5, DEVICE)
        _words(pen, f"{kinematics.STEP_S * (step + 1):.1f} s", f"{apart[step]:.1f} cm off")
        small = picture.reduce(FINER)
        frames.append(small.quantize(palette=palette, dither=Image.Dither.NONE))
    out = BytesIO()
    lasting = [round(1000 * kinematics.STEP_S * stride)] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=lasting, loop=0, disposal=1)
    return out.getvalue()


@dataclass(frozen=True)
class _View:
    """Orthographic projection: which two directions lie in the picture, and where and how large."""

    axes: NDArray[np.float64]  # (2, 3): to the right and downwards
    scale: float
    shift: NDArray[np.float64]  # (2,)

    def flat(self, points: Points) -> NDArray[np.float64]:
        """Return pixels (..., 2) of the larger drawing."""
        return np.asarray(points @ self.axes.T * self.scale + self.shift)


def _fitted(points: Points, towards: Points) -> _View:
    """Return the view in which all points fill the picture, from beside the direction of the hand."""
    turn = np.arctan2(towards[1], towards[0]) - ASIDE
    right = np.array([-np.sin(turn), np.cos(turn), 0])
    down = np.array([np.cos(turn) * np.sin(ABOVE), np.sin(turn) * np.sin(ABOVE), -np.cos(ABOVE)])
    axes = np.stack([right, down])
    flat = np.concatenate([points, points * (1, 1, 0)]) @ axes.T  # shadows too
    low, high = flat.min(0), flat.max(0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT])
    scale = float((room / (high - low)).min()) * FINER
    middle = np.array([WIDTH / 2, HEAD + (HEIGHT - HEAD - FOOT) / 2]) * FINER
    return _View(axes, scale, middle - (low + high) / 2 * scale)


def _floor(view: _View) -> Image.Image:
    picture = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), PAPER)
    pen = ImageDraw.Draw(picture)
    around = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(around), np.sin(around), 0 * around], 1)
    for radius in FLOOR_M:
        _line(pen, view.flat(radius * circle), FAINT, 1)
    for spoke in circle[:-1:15]:
        _line(pen, view.flat(np.stack([FLOOR_M[0] * spoke, FLOOR_M[-1] * spoke])), FAINT, 1)
    return picture


def _shadow(pen: ImageDraw.ImageDraw, view: _View, joints: Points) -> None:
    _line(pen, view.flat(joints * (1, 1, 0)), RULE, 7)


def _arm_itself(pen: ImageDraw.ImageDraw, view: _View, joints: Points) -> None:
    at = view.flat(joints)
    for first, width in ((0, 17), (1, 14), (2, 11), (3, 9), (4, 6)):
        _line(pen, at[first : first + 2], SOFT, width + 2)
        _line(pen, at[first : first + 2], METAL, width)
    for place, radius in ((2, 7), (3, 5), (4, 4)):
        _disc(pen, at[place], radius, SOFT)
        _disc(pen, at[place], radius - 2.5, PAPER)


def _words(pen: ImageDraw.ImageDraw, time: str, apart: str) -> None:
    font = ImageFont.load_default(14 * FINER)
    y = 22 * FINER
    x = float(MARGIN * FINER)
    for text, colour, width in (("target", FLOAT, 1.5), ("learned", DEVICE, 2.6)):
        sample = np.array([[x, y], [x + 24 * FINER, y]])
        for piece in _dashes(sample) if text == "target" else [sample]:
            _line(pen, piece, colour, width)
        pen.text((x + 30 * FINER, y), text, INK, font, anchor="lm")
        x += pen.textlength(text, font) + 52 * FINER
    pen.text((WIDTH * FINER - MARGIN * FINER, y), apart, NOVEL, font, anchor="rm")
    pen.text((WIDTH * FINER - MARGIN * FINER, (HEIGHT - 16) * FINER), time, SOFT, font, anchor="rm")


def _line(pen: ImageDraw.ImageDraw, at: Points, colour: str, width: float) -> None:
    """Draw a line through pixels (n, 2); wide ones have round ends."""
    pen.line(np.asarray(at, np.float64).ravel().tolist(), colour, round(width * FINER), joint="curve")
    if width > 2:
        for end in (at[0], at[-1]):
            _disc(pen, end, width / 2, colour)


def _dashes(at: Points) -> list[Points]:
    """Return the pieces, ``DASH`` long and as far apart, of a line through pixels (n, 2)."""
    along = np.concatenate([[0], np.linalg.norm(np.diff(at, axis=0), axis=1).cumsum()])
    places = np.arange(0, along[-1], 2 * DASH * FINER)[:, None] + np.linspace(0, DASH * FINER, 4)
    return list(np.stack([np.interp(places, along, axis) for axis in at.T], -1))


def _disc(pen: ImageDraw.ImageDraw, at: Points, radius: float, colour: str) -> None:
    r = radius * FINER
    pen.ellipse((at[0] - r, at[1] - r, at[0] + r, at[1] + r), colour)


def _ring(pen: ImageDraw.ImageDraw, at: Points, radius: float, colour: str) -> None:
    r = radius * FINER
    pen.ellipse((at[0] - r, at[1] - r, at[0] + r, at[1] + r), None, colour, round(1.6 * FINER))


def _palette() -> Image.Image:
    """Return one palette for all frames: each colour in eight strengths on paper, and on metal in four."""
    paper, metal = (np.array(_rgb(colour)) for colour in (PAPER, METAL))
    shades = [paper]
    for colour in map(_rgb, (INK, SOFT, RULE, FAINT, DEVICE, NOVEL, FLOAT, METAL)):
        shades += [paper + (colour - paper) * part / 8 for part in range(1, 9)]
        shades += [metal + (colour - metal) * part / 5 for part in range(1, 5)]
    image = Image.new("P", (1, 1))
    image.putpalette(np.array(shades).round().astype(np.uint8).tobytes())
    return image


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float64)
