"""Drawings of made-up characters for a quick start on the page: a few strokes each, with random variation."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from insitu.core import generator

SIDE, PEN, OVERSAMPLING = 105, 5, 4  # pixels per side, width of the pen in pixels, factor of antialiasing
TEACH, QUERY = 5, 3  # drawings per character

# strokes as points in a square of 100, connected by a smooth curve
SETS: dict[str, dict[str, tuple[tuple[tuple[float, float], ...], ...]]] = {
    "Runes": {
        "arch": (((20, 85), (20, 40), (50, 18), (80, 40), (80, 85)),),
        "fork": (((50, 88), (50, 45)), ((22, 15), (28, 42), (50, 48), (72, 42), (78, 15)), ((50, 48), (50, 14))),
        "ladder": (((30, 12), (30, 88)), ((70, 12), (70, 88)), ((30, 35), (70, 35)), ((30, 62), (70, 62))),
        "kite": (
            ((50, 12), (80, 40)),
            ((80, 40), (50, 68)),
            ((50, 68), (20, 40)),
            ((20, 40), (50, 12)),
            ((50, 68), (58, 92)),
        ),
        "gate": (((15, 25), (85, 25)), ((30, 25), (30, 85)), ((70, 25), (70, 85)), ((30, 55), (70, 55))),
    },
    "Loops": {
        "ring": (((50, 15), (82, 48), (50, 84), (18, 48), (50, 15)), ((48, 49), (52, 51))),
        "eight": (((50, 50), (72, 30), (50, 12), (28, 30), (50, 50), (76, 70), (50, 90), (24, 70), (50, 50)),),
        "snail": (((85, 85), (20, 82), (18, 30), (55, 16), (78, 42), (55, 64), (40, 45), (54, 38)),),
        "wave": (((8, 55), (24, 25), (42, 55), (58, 78), (76, 48), (92, 30)), ((10, 88), (90, 88))),
        "leaf": (((50, 90), (18, 50), (50, 10), (82, 50), (50, 90)), ((50, 90), (50, 35))),
    },
}


@cache
def examples() -> dict[str, Any]:
    """Return the sets, each class with drawings to teach and to query, as data URLs of PNG; always the same ones."""
    return {
        "sets": [
            {"name": name, "classes": [_class(label, strokes) for label, strokes in characters.items()]}
            for name, characters in SETS.items()
        ]
    }


def draw(strokes: tuple[tuple[tuple[float, float], ...], ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a character with random distortion of its points and as a whole: (105, 105) uint8, black on white."""
    angle, shear = rng.normal(0, 0.09), rng.normal(0, 0.1)
    size = rng.uniform(0.8, 0.98, 2)
    transform = np.array([[np.cos(angle), shear - np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * size
    centre = 50 + rng.normal(0, 2.5, 2)
    sheet = Image.new("L", (SIDE * OVERSAMPLING, SIDE * OVERSAMPLING), 255)
    pen = ImageDraw.Draw(sheet)
    scale = SIDE * OVERSAMPLING / 100
    for stroke in strokes:
        points = np.array(stroke, float) - 50 + rng.normal(0, 1.8, (len(stroke), 2))
        line = (_smooth(points) @ transform.T + centre) * scale
        radius = PEN * OVERSAMPLING / 2
        pen.line([tuple(point) for point in line], fill=0, width=PEN * OVERSAMPLING, joint="curve")
        for x, y in line[[0, -1]]:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.BOX))


def _smooth(points: NDArray[np.float64], steps: int = 12) -> NDArray[np.float64]:
    """Return a Catmull-Rom curve through the points (n, 2), with ``steps`` per segment."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps)[:, None]
    p0, p1, p2, p3 = (padded[k : k + len(points) - 1, None] for k in range(4))
    curve = p1 + 0.5 * t * (p2 - p0) + t**2 * (p0 - 2.5 * p1 + 2 * p2 - 0.5 * p3)
    curve = curve + t**3 * (-0.5 * p0 + 1.5 * p1 - 1.5 * p2 + 0.5 * p3)
    out: NDArray[np.float64] = curve.reshape(-1, 2)
    return out


def _class(label: str, strokes: tuple[tuple[tuple[float, float], ...], ...]) -> dict[str, Any]:
    images = [_data_url(draw(strokes, generator(0, "handwriting", label, number))) for number in range(TEACH + QUERY)]
    return {"label": label, "images": images[:TEACH], "ask": images[TEACH:]}


def _data_url(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
