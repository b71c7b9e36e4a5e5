"""Strokes from an image of ink, so that drawings available only as pixels can be drawn with a pen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Stroke = list[tuple[float, float]]  # points (x, y) in pixels, from the middle of the first pixel at 0.5
BESIDE = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1)]
SPUR = 3  # pixels: branches up to this are none
LOOSE = 0.7  # pixels that a line may pass beside the points it stands for


def thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the skeletons of images (n, h, w), one pixel wide (Zhang and Suen, Comm. ACM 27, 236, 1984)."""
    out = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    around = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]  # clockwise from north
    while True:
        before = out.sum()
        for corner in (0, 1):
            p = [np.roll(out, (-dy, -dx), (1, 2)) for dy, dx in around]
            count = sum(each.astype(np.int8) for each in p)
            rises = sum((~a & b).astype(np.int8) for a, b in zip(p, p[1:] + p[:1], strict=True))
            north, east, south, west = p[0], p[2], p[4], p[6]
            open_side = (
                ~(north & east & west) & ~(north & south & west)
                if corner
                else ~(north & east & south) & ~(east & south & west)
            )
            out = out & ~((count >= 2) & (count <= 6) & (rises == 1) & open_side)
        if out.sum() == before:
            return out[:, 1:-1, 1:-1]


def strokes(skeleton: NDArray[np.bool_]) -> list[Stroke]:
    """Return the lines of one skeleton (h, w): from each loose end on, as straight as it goes."""
    left = {(int(x), int(y)) for y, x in np.argwhere(skeleton)}
    near = {at: [(at[0] + dx, at[1] + dy) for dx, dy in BESIDE if (at[0] + dx, at[1] + dy) in left] for at in left}
    found: list[Stroke] = []
    while left:
        at = min(left, key=lambda p: (len([q for q in near[p] if q in left]) != 1, p))
        left.discard(at)
        joint = [q for q in near[at] if q not in left]  # a branch begins on the line that it leaves
        line = [joint[0], at] if joint and found else [at]
        while ahead := [q for q in near[at] if q in left]:
            run = line[-4:]
            way = (at[0] - run[0][0], at[1] - run[0][1])
            at = max(ahead, key=lambda q: (q[0] - line[-1][0]) * way[0] + (q[1] - line[-1][1]) * way[1])
            left.discard(at)
            line.append(at)
        if len(line) <= SPUR and joint:
            continue  # what thinning leaves at a corner
        line += [q for q in near[at] if q not in left and q not in line[-3:]][:1]  # a loop is closed
        found.append([(x + 0.5, y + 0.5) for x, y in simplified(line)])
    return found


def simplified(line: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the points of a line without those it hardly needs (Douglas and Peucker, 1973)."""
    if len(line) < 3:
        return line
    points = np.array(line, float)
    along = points[-1] - points[0]
    away = points - points[0]
    length = np.hypot(*along)
    off = np.abs(along[0] * away[:, 1] - along[1] * away[:, 0]) / length if length else np.hypot(*away.T)
    far = int(off.argmax())
    if off[far] <= LOOSE:
        return [line[0], line[-1]]
    return simplified(line[: far + 1])[:-1] + simplified(line[far:])
